"""Where the lab keeps its files, and the secrets it makes once for a network."""

import os
import secrets
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError

ROOT = Path(__file__).resolve().parent.parent
NODE_DIR = ROOT / "services" / "node"
DEFAULT_RUN_DIR = ROOT / "build" / "run"
DEFAULT_ENV_FILE = ROOT / ".env"

_SECRET_BYTES = 48  # a node refuses fewer than 32
_PASSWORD_BYTES = 12  # 16 characters: typed by hand in class, still not guessable
_PROJECT = "COMPOSE_PROJECT_NAME"  # Compose's own word
_HEADER = "# Made once by `make up`; every node of the network needs the same values. Keep it out of git.\n"


@dataclass(frozen=True)
class Secrets:
    """The secrets that all nodes of one network share. A repr shows only their names."""

    cluster_id: str
    jwt_secret: str = field(repr=False)
    replica_secret: str = field(repr=False)
    admin_username: str
    admin_password: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The settings as a node reads them: NAME → value."""
        return {
            "CLUSTER_ID": self.cluster_id,
            "JWT_SECRET": self.jwt_secret,
            "REPLICA_SECRET": self.replica_secret,
            "ADMIN_USERNAME": self.admin_username,
            "ADMIN_PASSWORD": self.admin_password,
        }


def load_or_create(path: Path) -> Secrets:
    """Reads the secrets in `path`; makes the file (mode 600) if there is none.

    An existing file is never rewritten: its CLUSTER_ID belongs to the data on disk. LabError names a missing
    setting.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        path.chmod(0o600)  # a copied or hand-made file may be readable by others
        return load(path)
    made = _generate()
    values = {**made.environment(), _PROJECT: _project_of(made)}
    lines = [f"{name}={value}\n" for name, value in values.items()]
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_HEADER + "".join(lines))
    return made


def load(path: Path) -> Secrets:
    """Reads the secrets in `path` and changes nothing. LabError names a missing setting."""
    values = _parse(path.read_text(encoding="utf-8"))
    names = ("CLUSTER_ID", "JWT_SECRET", "REPLICA_SECRET", "ADMIN_USERNAME", "ADMIN_PASSWORD")
    missing = [name for name in names if not values.get(name)]
    if missing:
        raise LabError(
            f"{path} lacks {', '.join(missing)}; add it,"
            " or run `make clean` and delete the file to have a new one made"
        )
    return Secrets(
        cluster_id=values["CLUSTER_ID"],
        jwt_secret=values["JWT_SECRET"],
        replica_secret=values["REPLICA_SECRET"],
        admin_username=values["ADMIN_USERNAME"],
        admin_password=values["ADMIN_PASSWORD"],
    )


def compose_project(path: Path) -> str:
    """The Compose project of the network whose secrets are in `path`.

    It is COMPOSE_PROJECT_NAME from there, or else a name derived for this network, so that two clones on one
    machine share no volume. LabError as `load`.
    """
    return _parse(path.read_text(encoding="utf-8")).get(_PROJECT) or _project_of(load(path))


def _project_of(made: Secrets) -> str:
    return f"acme-{made.cluster_id[:8]}"


def _generate() -> Secrets:
    return Secrets(
        cluster_id=str(uuid.uuid4()),
        jwt_secret=secrets.token_urlsafe(_SECRET_BYTES),
        replica_secret=secrets.token_urlsafe(_SECRET_BYTES),
        admin_username="admin",
        admin_password=secrets.token_urlsafe(_PASSWORD_BYTES),
    )


def _parse(text: str) -> dict[str, str]:
    """NAME=value lines as Compose reads them; comments and empty lines are skipped."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("\"'")
    return values

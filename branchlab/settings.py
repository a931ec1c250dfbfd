"""Where the lab keeps its files, and the secrets it makes once for a network."""

import codecs
import json
import os
import re
import secrets
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from branchlab import interruption, private
from branchlab.errors import LabError
from branchlab.language import N_, _

ROOT = Path(__file__).resolve().parent.parent
NODE_DIR = ROOT / "services" / "node"
DEFAULT_RUN_DIR = ROOT / "build" / "run"
DEFAULT_ENV_FILE = ROOT / ".env"

_SECRET_BYTES = 48
# What nodes ask of their settings (services/node/app/config.py); tests/test_lab_contract.py compares the two.
_LEAST_SECRET_BYTES = 32
_SHORTEST_PASSWORD = 12
_LONGEST_PASSWORD_BYTES = 72
_NAMES = ("CLUSTER_ID", "JWT_SECRET", "REPLICA_SECRET", "ADMIN_USERNAME", "ADMIN_PASSWORD")
_PASSWORD_BYTES = 12  # 16 characters: typed by hand in class, still not guessable
_PROJECT = "COMPOSE_PROJECT_NAME"  # Compose's own word
_HEADER = "# Made once by `make up`; every node of the network needs the same values. Keep it out of git.\n"
# A comment, since shells and Compose read the file too. JSON keeps a path of any characters on one line.
_HOME = re.compile(r'^# Belongs to (".*"); a copy elsewhere gets values of its own\.$', re.MULTILINE)
_HOW_TO_GO_ON = N_("put what it had back, or remove the file and run `./lab adopt`")


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
            **self.administrator(),
        }

    def administrator(self) -> dict[str, str]:
        """Those of the settings that say who the administrator is."""
        return {"ADMIN_USERNAME": self.admin_username, "ADMIN_PASSWORD": self.admin_password}


def load_or_create(path: Path) -> Secrets:
    """Reads the secrets in `path`; makes the file (mode 600) if there is none. For verbs that start nodes.

    The values of an existing file stay: its CLUSTER_ID belongs to the data on disk. LabError as `load`.
    """
    with interruption.shielded():  # half a file would be what every later command reads
        if not path.exists():
            return create(path)
        path.chmod(0o600)  # a copied or hand-made file may be readable by others
        found = load(path)
        if belongs_to(path) != path.resolve():  # it was moved here, or made by hand
            text = "".join(f"{line}\n" for line in _text(path).splitlines() if not _HOME.match(line))
            private.write_text(path, _home_line(path) + text)
        return found


def create(path: Path, kept: Mapping[str, str] | None = None) -> Secrets:
    """Makes the file (mode 600) with the `kept` values, and new ones for the rest. FileExistsError where
    there is one."""
    values = {**_generate().environment(), **(kept or {})}
    made = _secrets(values)
    values.setdefault(_PROJECT, _project_of(made))
    lines = [f"{name}={value}\n" for name, value in values.items()]
    with interruption.shielded():
        private.make_folder(path.parent)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with private.naming(path), os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(_HEADER + _home_line(path) + "".join(lines))
        except OSError:  # of a full disk: half a file would be taken for a network's secrets
            path.unlink()
            raise
    return made


def renew(path: Path, kept: Mapping[str, str] | None = None) -> Secrets:
    """Gives the file another network's identity: the `kept` values, and new ones for what else all nodes
    share. The administrator and all other lines stay."""
    own = _generate()
    values = {**own.environment(), _PROJECT: _project_of(own), **(kept or {})}
    for name in ("ADMIN_USERNAME", "ADMIN_PASSWORD"):
        if name not in (kept or {}) and _read(path).get(name):
            del values[name]
    lines = [line for line in _text(path).splitlines() if _name_in(line) not in values]
    text = "".join(f"{line}\n" for line in lines if not _HOME.match(line))
    text += _home_line(path) + "".join(f"{name}={value}\n" for name, value in values.items())
    made = _secrets(_parse(text))
    private.write_text(path, text)
    return made


def copied_from(path: Path) -> Path | None:
    """The file that `path` is a copy of: it has the same CLUSTER_ID, and is where `path` says that it
    belongs. None for a file that belongs here, or was moved here."""
    first = belongs_to(path)
    try:
        if first is None or not first.exists() or first.samefile(path):
            return None
        same = _read(first).get("CLUSTER_ID") == _read(path).get("CLUSTER_ID")
    except OSError:  # it is gone, or nobody here may read it
        return None
    return first if same else None


def belongs_to(path: Path) -> Path | None:
    """Where the file says that it belongs; None where it is gone or does not say."""
    try:
        found = _HOME.search(_text(path))
        return Path(json.loads(found.group(1))) if found else None
    except (LabError, OSError, ValueError):
        return None


def load(path: Path) -> Secrets:
    """Reads the secrets in `path` and changes nothing. LabError is one line for the first value that is
    missing or that no node would take."""
    if why := fault_of(path):
        raise LabError(why)
    return _secrets(_read(path))


def fault_of(path: Path) -> str | None:
    """Why no node would start with the secrets in `path`, and how to go on; None if one would."""
    if not path.exists():
        return _(
            "there is no {path}, which has the secrets of this network: put it back, or run `./lab"
            " adopt`, which writes one",
            path=path,
        )
    values = _read(path)
    missing = [name for name in _NAMES if not values.get(name)]
    if missing:
        return _(
            "{path} lacks {missing}; {how_to_go_on}",
            path=path,
            missing=", ".join(missing),
            how_to_go_on=_(_HOW_TO_GO_ON),
        )
    why = fault(values)
    return why and _("{why} (in {path}); {how_to_go_on}", why=why, path=path, how_to_go_on=_(_HOW_TO_GO_ON))


def fault(values: Mapping[str, str]) -> str | None:
    """Why a node would not take these values, which begins with a setting's name; None if it would."""
    try:
        uuid.UUID(values["CLUSTER_ID"])
    except ValueError:
        return _("CLUSTER_ID is no UUID")
    for name in ("JWT_SECRET", "REPLICA_SECRET"):
        if len(values[name].encode()) < _LEAST_SECRET_BYTES:
            return _(
                "{name} has fewer than {least_secret_bytes} bytes",
                name=name,
                least_secret_bytes=_LEAST_SECRET_BYTES,
            )
    if values["JWT_SECRET"] == values["REPLICA_SECRET"]:
        return _("REPLICA_SECRET is JWT_SECRET's value, and each would open the other's doors")
    if len(values["ADMIN_PASSWORD"]) < _SHORTEST_PASSWORD:
        return _(
            "ADMIN_PASSWORD has fewer than {shortest_password} characters",
            shortest_password=_SHORTEST_PASSWORD,
        )
    if len(values["ADMIN_PASSWORD"].encode()) > _LONGEST_PASSWORD_BYTES:
        return _(
            "ADMIN_PASSWORD has more than {longest_password_bytes} bytes",
            longest_password_bytes=_LONGEST_PASSWORD_BYTES,
        )
    return None


def compose_project(path: Path) -> str:
    """The Compose project of the network whose secrets are in `path`.

    It is COMPOSE_PROJECT_NAME from there, or else a name derived for this network, so that two clones on one
    machine share no volume. LabError as `load`.
    """
    return named_project(path) or _project_of(load(path))


def named_project(path: Path) -> str | None:
    """COMPOSE_PROJECT_NAME as `path` has it."""
    return _read(path).get(_PROJECT)


def cluster_in(path: Path) -> str | None:
    """CLUSTER_ID as `path` has it. LabError where there is no such file."""
    return _read(path).get("CLUSTER_ID")


def others(path: Path) -> dict[str, str]:
    """What the file at `path` sets beside the secrets, such as ports for Compose."""
    return {name: value for name, value in _read(path).items() if name not in (*_NAMES, _PROJECT)}


def _read(path: Path) -> dict[str, str]:
    return _parse(_text(path))


def _text(path: Path) -> str:
    try:
        return _decoded(path.read_bytes())
    except FileNotFoundError:
        raise LabError(
            _("there is no {path}; {how_to_go_on}", path=path, how_to_go_on=_(_HOW_TO_GO_ON))
        ) from None
    except OSError as error:
        raise LabError(_("{path} cannot be read: {strerror}", path=path, strerror=error.strerror)) from None


def _secrets(values: Mapping[str, str]) -> Secrets:
    return Secrets(
        cluster_id=values["CLUSTER_ID"],
        jwt_secret=values["JWT_SECRET"],
        replica_secret=values["REPLICA_SECRET"],
        admin_username=values["ADMIN_USERNAME"],
        admin_password=values["ADMIN_PASSWORD"],
    )


def _home_line(path: Path) -> str:
    return f"# Belongs to {json.dumps(str(path.resolve()))}; a copy elsewhere gets values of its own.\n"


def _name_in(line: str) -> str:
    return line.partition("=")[0].strip()


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


def _decoded(content: bytes) -> str:
    """The text, in whatever encoding an editor left it: UTF-8, UTF-16 or Windows' Latin-1."""
    encodings = ("utf-8-sig", "cp1252")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ("utf-16", "latin-1")
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            return content.decode(encoding)
    return content.decode("latin-1")  # takes every byte


def _parse(text: str) -> dict[str, str]:
    """NAME=value lines as Compose reads them; comments and empty lines are skipped."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("\"'")
    return values

"""The record of a network's home, beside its data: which folder it is, and what belongs to the network."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from branchlab import private
from branchlab.networks.homes.rules import Place
from branchlab.settings import Secrets

_FILE = "home.json"
_COMPARED = ("JWT_SECRET", "REPLICA_SECRET")


@dataclass(frozen=True)
class HomeRecord:
    """What a network's folder keeps about itself. `project` is its Compose project, empty for processes.
    `has_data` says that every member had a disk once. `marks` tell one secret from another, and no more."""

    place: Place
    cluster: str
    project: str = ""
    has_data: bool = False
    marks: Mapping[str, str] = field(default_factory=dict)


def place_of(folder: Path) -> Place:
    """The folder as it is now. FileNotFoundError when it is not there."""
    return Place(path=str(folder.resolve()), inode=folder.stat().st_ino)


def read(run_dir: Path) -> HomeRecord | None:
    """The record in `run_dir`; None where there is none, or none that can be read."""
    try:
        stored: dict[str, Any] = json.loads((run_dir / _FILE).read_text(encoding="utf-8"))
        return HomeRecord(**{**stored, "place": Place(**stored["place"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(record: HomeRecord, run_dir: Path) -> None:
    """Keeps the record in `run_dir`, which is there."""
    private.write_text(run_dir / _FILE, json.dumps(asdict(record), indent=2) + "\n")


def settle(run_dir: Path, secrets: Secrets, *, project: str = "") -> HomeRecord:
    """Records that `run_dir` is the home of its network, with these secrets; returns the record."""
    before = read(run_dir)
    now = HomeRecord(
        place=place_of(run_dir),
        cluster=secrets.cluster_id,
        project=project or (before.project if before else ""),
        has_data=before is not None and before.has_data,
        marks=marks(secrets),
    )
    if now != before:
        write(now, run_dir)
    return now


def note_data(run_dir: Path) -> None:
    """Records that every member of the network has its disk."""
    record = read(run_dir)
    if record is not None and not record.has_data:
        write(replace(record, has_data=True), run_dir)


def marks(secrets: Secrets) -> dict[str, str]:
    """A short mark of each secret that all nodes must share. It shows whether a secret is another one; nobody
    can find the secret by it."""
    values = secrets.environment()
    key = secrets.cluster_id.encode()
    return {name: hmac.new(key, values[name].encode(), "sha256").hexdigest()[:16] for name in _COMPARED}

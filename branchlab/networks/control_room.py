"""The control room that `up` leaves running: a process of the network's folder like its nodes,
so that `down` stops it and `sweep` finds it when the folder is gone."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from branchlab import private, settings
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import network, ports
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.drivers.process import OWNER
from branchlab.poll import poll_blocking

DEFAULT_PORT = 18080
URL_FILE = "LAB_ROOM_URL_FILE"
"""Names the file, in the environment, that the control room writes its address to, which has its key."""

_FOLDER, _URL = "control-room", "url"
_READY_SECONDS = 60.0


def room_command(port: int) -> list[str]:
    """How the control room is started: by this program's own interpreter."""
    return [sys.executable, "-m", "branchlab", "ui", "--port", str(port)]


def start(
    run_dir: Path,
    env_file: Path,
    *,
    port: int,
    language: str | None = None,
    command: Callable[[int], Sequence[str]] = room_command,
    ready_seconds: float = _READY_SECONDS,
) -> str:
    """Starts the control room of the network in `run_dir`, unless it runs; returns its address. LabError when
    its port is taken, or when it does not start."""
    folder = run_dir.resolve() / _FOLDER
    process, file = NodeProcess(folder), folder / _URL
    if (known := address(run_dir)) is not None:
        return known
    if not ports.is_free(port):
        raise LabError(
            _(
                "no control room: port {port} is in use by {holder}; `make ui UI_PORT={other}` opens it"
                " elsewhere",
                port=port,
                holder=ports.holder(port),
                other=port + 1,
            )
        )
    private.make_folder(folder)
    file.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PYTHONUTF8": "1",
        "LAB_RUN_DIR": str(run_dir.resolve()),
        "LAB_ENV_FILE": str(env_file.resolve()),
        OWNER: network.load(run_dir).founding,
        "DATABASE_PATH": str(folder / _URL),  # `sweep` looks for what belongs to a folder by this
        URL_FILE: str(file),
    }
    words = [*command(port), *(["--lang", language] if language is not None else [])]
    process.spawn(words, cwd=settings.ROOT, environment=environment)
    if not poll_blocking(lambda: file.exists() or not process.alive(), seconds=ready_seconds):
        process.stop()
    if not file.exists():
        raise LabError(
            _("the control room did not start: see {log}; `make up UI=0` does without it", log=process.log)
        )
    return file.read_text(encoding="utf-8").strip()


def address(run_dir: Path) -> str | None:
    """The address of the control room of the network in `run_dir`; None where none runs."""
    folder = run_dir.resolve() / _FOLDER
    file = folder / _URL
    return file.read_text(encoding="utf-8").strip() if NodeProcess(folder).alive() and file.exists() else None


def stop(run_dir: Path) -> None:
    """Stops the control room of the network in `run_dir`, if one runs."""
    NodeProcess(run_dir.resolve() / _FOLDER).stop()


def tell_address(url: str) -> None:
    """Writes the control room's address to the file that its starter named, if one did."""
    if (name := os.environ.get(URL_FILE)) is not None:
        private.write_text(Path(name), url + "\n")

"""Disk verbs of drivers: they run a small program beside the node's database."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from branchlab import private
from branchlab.errors import LabError
from branchlab.language import _

_SECONDS = 600.0  # for a copy of a large database
SAVE = ("python", "-m", "app.backup", "save")
CHECK = ("python", "-m", "app.backup", "check")
RESTORE = ("python", "-m", "app.backup", "restore")
SALVAGE = ("python", "-m", "app.salvage")
RESET_ADMIN = ("python", "-m", "app.admin", "reset")

RunAtDisk = Callable[[Sequence[str], IO[bytes] | int, IO[bytes] | int], None]
"""Runs a command where the node's database is, with the node's environment: (words, stdin, stdout)."""


def save(run: RunAtDisk, file: Path) -> None:
    """Writes a copy of the database to `file`, which only its owner may read; an earlier `file` is replaced
    when the copy is whole."""
    if not file.parent.is_dir():
        raise LabError(_("there is no directory {parent}", parent=file.parent))
    if file.is_dir():
        raise LabError(
            _(
                "{file} is a directory; name the file that the copy becomes, like {example}",
                file=file,
                example=file / "node.db",
            )
        )
    try:
        handle, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")  # mode 600
    except OSError as error:
        raise LabError(
            _("{file} cannot be written: {strerror}", file=file, strerror=error.strerror)
        ) from None
    try:
        with os.fdopen(handle, "wb") as target:
            run(SAVE, subprocess.DEVNULL, target)
        os.replace(part, file)
    finally:
        Path(part).unlink(missing_ok=True)


def require_copy(run: RunAtDisk, file: Path) -> None:
    """LabError, which names the file, unless the node could be restored from it. The node may run meanwhile;
    nothing of it is changed."""
    _give(run, CHECK, file)


def restore(run: RunAtDisk, file: Path) -> None:
    """Puts the copy in the database's place, as another life of the node's disk. The node must be stopped."""
    _give(run, RESTORE, file)


def _give(run: RunAtDisk, words: Sequence[str], file: Path) -> None:
    try:
        with file.open("rb") as source:
            run(words, source, subprocess.DEVNULL)
    except FileNotFoundError:
        raise LabError(_("there is no file {file}", file=file)) from None
    except OSError as error:
        raise LabError(_("{file} cannot be read: {strerror}", file=file, strerror=error.strerror)) from None
    except LabError as error:
        raise LabError(_("{file} was not restored: {error}", file=file, error=error)) from None


def show_salvage(run: RunAtDisk) -> str:
    """What damaged files of the node still hold, as one JSON document."""
    return _said(run, (*SALVAGE, "show"))


def salvage(run: RunAtDisk, *, found: bool) -> str:
    """Brings back what damaged files of the node hold, and returns what it says of it. The node must be
    stopped."""
    return _said(run, (*SALVAGE, "take", *(["--found"] if found else [])))


def reset_admin(run: RunAtDisk) -> str:
    """Makes the user ADMIN_USERNAME an active administrator with ADMIN_PASSWORD, in the node's file, and
    returns what it says of it. The node must be stopped."""
    return _said(run, RESET_ADMIN)


def _said(run: RunAtDisk, words: Sequence[str]) -> str:
    with tempfile.TemporaryFile() as said:
        run(words, subprocess.DEVNULL, said)
        said.seek(0)
        return said.read().decode()


def run_at_disk(
    command: Sequence[str],
    source: IO[bytes] | int,
    target: IO[bytes] | int,
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str],
) -> None:
    """Runs one command to its end. LabError is the last line it complains with."""
    ended = subprocess.run(
        command,
        stdin=source,
        stdout=target,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=dict(environment),
        timeout=_SECONDS,
        umask=private.UMASK,
        check=False,
    )
    if ended.returncode:
        lines = [line for line in ended.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise LabError(
            lines[-1] if lines else _("`{command}` failed and does not say why", command=" ".join(command))
        )

"""One process per database file: an exclusive lock beside it, which the kernel releases with its process."""

import fcntl
import os
from pathlib import Path

from app.database.errors import StorageFailed

PRIVATE = 0o600


class FileLock:
    """The lock of one database file, held from `take` to `release` or to the end of the process. The lock's
    own file is never removed: otherwise two processes could each lock a file of that name."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> "FileLock":
        """Lock the database at `path` for this process. Raises StorageFailed while another process has it."""
        beside = lock_path(path)
        try:
            while True:
                descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if _is_still(beside, descriptor):
                        return cls(descriptor)
                except BaseException:
                    os.close(descriptor)
                    raise
                os.close(descriptor)  # somebody removed the file meanwhile: others see another one
        except BlockingIOError as error:
            raise StorageFailed(f"{path} is in use by another process: stop the node first") from error
        except OSError as error:
            raise StorageFailed(f"{path} cannot be locked: {error.strerror}") from error

    def release(self) -> None:
        """Let another process have the file. A second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def require_free(path: Path) -> None:
    """Check whether a process may begin to use the database. Raises StorageFailed while another one uses
    it."""
    if path.parent.is_dir():
        FileLock.take(path).release()


def lock_path(path: Path) -> Path:
    """The path of a database's lock: beside the real file, even if links lead to it."""
    real = path.resolve()
    return real.with_name(f"{real.name}.lock")


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False

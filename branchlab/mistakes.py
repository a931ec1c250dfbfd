"""Which errors are one plain line for the person at the terminal, instead of a traceback."""

import errno

from branchlab.errors import LabError
from branchlab.language import _, shown

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def in_words(error: BaseException) -> str | None:
    """The line to show, or None for an error that nobody foresaw. Of several errors it is the first."""
    if isinstance(error, BaseExceptionGroup):
        found = [in_words(one) for one in error.exceptions]
        return None if None in found else found[0]
    if isinstance(error, LabError):
        return shown(error.args[0]) if error.args else str(error)
    return of_the_machine(error) if isinstance(error, OSError) else None


def of_the_machine(error: OSError) -> str | None:
    """What the machine refused and what to do, or None where that is nobody's fault but the program's."""
    place = "" if error.filename is None else f"{error.filename}: "
    if error.errno in _FULL:
        return place + _("{why}; free some of that disk, then try again", why=_said(error))
    if error.errno in _FORBIDDEN:
        return place + _("{why}; this user may not read or write there", why=_said(error))
    if error.errno == errno.ENOENT and error.filename is None:  # as `tempfile` says it
        return _("{why}; name a folder that can be written: `export TMPDIR=/path`", why=_said(error))
    return None


def _said(error: OSError) -> str:
    return error.strerror or type(error).__name__

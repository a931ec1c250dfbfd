"""The frame of the programs that run beside a node's file: `app.backup`, `app.salvage`, `app.admin`."""

import sqlite3
import sys
from collections.abc import Callable, Mapping

from app.config import ConfigurationError, Settings, read_settings
from app.database import StorageError

FAILED = 1  # exit statuses
MISUSED = 2


def misused(usage: str) -> int:
    """Write how the program is called to standard error. Returns MISUSED."""
    sys.stderr.write(f"usage: python -m {usage}\n")
    return MISUSED


def run_verb(verb: Callable[[Settings], None], environ: Mapping[str, str]) -> int:
    """Run one verb with a node's settings. Returns 0 when it is done; otherwise writes one line to standard
    error and returns MISUSED for wrong settings, FAILED for a file that cannot be used."""
    try:
        verb(read_settings(environ))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return MISUSED
    except (StorageError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    return 0

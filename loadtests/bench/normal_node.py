"""A node whose commits a power cut may lose, to see what durability costs:

    python normal_node.py --port PORT       else as `python -m app.serve`

For `make bench` only: a node itself has no such setting.

It sets `synchronous` to NORMAL where the node says FULL, in this process; where the node never says that, it
ends with an error.
"""

import re
import sqlite3
import sys
from typing import Any

_FULL = re.compile(r"PRAGMA synchronous\s*=\s*FULL", re.IGNORECASE)
_connect = sqlite3.connect
_changed: list[str] = []


class _Normal(sqlite3.Connection):
    """A connection that hears NORMAL for FULL."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if _FULL.fullmatch(sql):
            _changed.append(sql)
            sql = "PRAGMA synchronous = NORMAL"
        return super().execute(sql, *values)


def _connected(*words: Any, **options: Any) -> sqlite3.Connection:
    return _connect(*words, **{"factory": _Normal, **options})  # type: ignore[no-any-return]  # its own type


def main() -> int:
    """Serve until a signal ends it."""
    sqlite3.connect = _connected  # type: ignore[assignment]  # any words do
    from app import serve  # noqa: PLC0415  (its modules take sqlite3.connect as it is now)

    served = serve.main(sys.argv[1:])
    if not _changed:
        sys.exit("the node never said PRAGMA synchronous = FULL, so nothing was compared")
    return served


if __name__ == "__main__":
    sys.exit(main())

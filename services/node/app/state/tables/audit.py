"""Reads the audit of this node. `Transaction.audit` writes it."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.domain import identity, text
from app.state.tables.lww_table import cluster_id


@dataclass(frozen=True)
class AuditFilter:
    """Which entries to show; None does not filter. `user` is a username, a user's id or a node's name; times
    are seconds since 1970, `since` included and `until` not."""

    entity: str | None = None
    entity_id: str | None = None
    action: str | None = None
    user: str | None = None
    since: float | None = None
    until: float | None = None


def page(
    connection: sqlite3.Connection, wanted: AuditFilter, *, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Up to `limit` entries older than entry `before` (None: the newest), newest first."""
    conditions = {
        "a.id < ?": before,
        "a.entity = ?": wanted.entity,
        "a.entity_id = ?": wanted.entity_id,
        "a.action = ?": wanted.action,
        "a.at >= ?": wanted.since,
        "a.at < ?": wanted.until,
    }
    used = {condition: value for condition, value in conditions.items() if value is not None}
    values: list[Any] = list(used.values())
    where = list(used)
    if wanted.user is not None:
        where.append("a.actor IN (?, ?)")
        values += [wanted.user, _user_id(connection, wanted.user)]
    rows = connection.execute(
        "SELECT a.*, u.username AS actor_name FROM audit a LEFT JOIN users u ON u.id = a.actor"
        f" {'WHERE ' + ' AND '.join(where) if where else ''} ORDER BY a.id DESC LIMIT ?",
        (*values, limit),
    )
    return [_view(row) for row in rows]


def _user_id(connection: sqlite3.Connection, username: str) -> str | None:
    if text.fault(username, longest=text.KEY):
        return None
    return identity.user_id(cluster_id(connection), username)


def _view(row: sqlite3.Row) -> dict[str, Any]:
    entry = {name: row[name] for name in row.keys()}  # noqa: SIM118  # a Row iterates over its values
    return {
        **entry,
        "at": datetime.fromtimestamp(row["at"], UTC).isoformat(),
        "before": None if row["before"] is None else json.loads(row["before"]),
        "after": None if row["after"] is None else json.loads(row["after"]),
    }

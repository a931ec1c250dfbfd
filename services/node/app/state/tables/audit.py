"""Reads the audit of this node. `Transaction.audit` writes it."""

import json
import sqlite3
from dataclasses import dataclass

from app.domain import identity, text, times
from app.domain.forms import Row
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


@dataclass(frozen=True)
class AuditEntry:
    """An entry; `at` is in ISO 8601. `actor_name` is the username of the actor, if that is a user known
    here."""

    id: int
    at: str
    actor: str
    actor_name: str | None
    action: str
    entity: str
    entity_id: str
    before: Row | None
    after: Row | None
    origin: str
    epoch: str
    version: int
    request_id: str


def page(
    connection: sqlite3.Connection,
    wanted: AuditFilter,
    *,
    before: int | None,
    limit: int,
    most_characters: int | None = None,
) -> list[AuditEntry]:
    """Up to `limit` entries older than entry `before` (None: the newest), newest first: fewer, but at least
    one, where the rows in them would be longer than `most_characters`."""
    conditions = {
        "a.id < ?": before,
        "a.entity = ?": wanted.entity,
        "a.entity_id = ?": wanted.entity_id,
        "a.action = ?": wanted.action,
        "a.at >= ?": wanted.since,
        "a.at < ?": wanted.until,
    }
    used = {condition: value for condition, value in conditions.items() if value is not None}
    values: list[str | float | None] = list(used.values())
    where = list(used)
    if wanted.user is not None:
        where.append("a.actor IN (?, ?)")
        values += [wanted.user, _user_id(connection, wanted.user)]
    rows = connection.execute(
        "SELECT a.*, u.username AS actor_name FROM audit a LEFT JOIN users u ON u.id = a.actor"
        f" {'WHERE ' + ' AND '.join(where) if where else ''} ORDER BY a.id DESC LIMIT ?",
        (*values, limit),
    )
    found: list[AuditEntry] = []
    size = 0
    for row in rows:
        size += len(row["before"] or "") + len(row["after"] or "")
        if found and most_characters is not None and size > most_characters:
            break
        found.append(_entry(row))
    return found


def _user_id(connection: sqlite3.Connection, username: str) -> str | None:
    if text.fault(username, longest=text.KEY):
        return None
    return identity.user_id(cluster_id(connection), username)


def _entry(row: sqlite3.Row) -> AuditEntry:
    entry = {
        **dict(row),
        "at": times.shown(row["at"]),
        "before": None if row["before"] is None else json.loads(row["before"]),
        "after": None if row["after"] is None else json.loads(row["after"]),
    }
    return AuditEntry(**entry)

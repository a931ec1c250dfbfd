"""Rows of users as they are stored: sealed, read with their seal, and written."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.database import Transaction
from app.database.digest import canonical
from app.database.seals import UNREADABLE, Stored, require_written, seal
from app.domain import forms
from app.domain.forms import Form
from app.domain.user import User
from app.state.tables import row_sql

_MAPS = ("deactivations", "reactivations")  # stored as the canonical JSON of a map


def select(connection: sqlite3.Connection, where: str, values: Sequence[object] = ()) -> Iterator[User]:
    """The users that meet a condition in SQL. Raises AlteredRow when it comes to an altered one, and so not
    where an earlier one decides."""
    form = forms.of("users")
    rows = connection.execute(f"{row_sql.select(form)} WHERE {where}", values).fetchall()
    return (User.from_row(require_written(connection, _stored(form, row))) for row in rows)


def stored(connection: sqlite3.Connection, ids: Iterable[str]) -> list[Stored]:
    """Those of these users that are here, by id, sound or altered."""
    form = forms.of("users")
    rows = connection.execute(f"{row_sql.select(form)} {row_sql.BY_IDS}", (row_sql.listed(ids),))
    return [_stored(form, row) for row in rows]


def put(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Write a user over the stored one, without counting it in the digest."""
    form = forms.of("users")
    maps = {name: canonical(row[name]).decode() for name in _MAPS}
    values = form.stored({**row, **maps})
    tx.connection.execute(row_sql.upsert(form), (*values, sealed(form, row)))
    tx.effects.users = True


def sealed(form: Form, row: Mapping[str, Any]) -> int:
    """The seal of a user."""
    columns = [canonical(row[n]).decode() if n in _MAPS else row[n] for n in form.columns]
    return seal([*columns, *forms.sealed_beyond(form.beyond(row))])


def _stored(form: Form, values: sqlite3.Row) -> Stored:
    """A user as it was selected, its seal last."""
    key = values[0] if isinstance(values[0], str) else repr(values[0])
    try:
        row = form.row(values[:-1])
        maps = {name: _decoded(row[name]) for name in _MAPS}
        found = seal([*values[: len(form.columns)], *forms.sealed_beyond(form.beyond(row))])
        return Stored("users", key, {**row, **maps}, values[-1], found)
    except UNREADABLE:
        return Stored("users", key, None, values[-1], 0)


def _decoded(stored: Any) -> dict[str, int]:
    try:
        found = json.loads(stored)
    except (ValueError, TypeError, RecursionError):
        return {}  # the seal tells that something else stood there
    return found if isinstance(found, dict) else {}

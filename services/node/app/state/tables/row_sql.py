"""SQL statements that follow from a row's form."""

import json
from collections.abc import Iterable
from functools import cache

from app.domain.forms import Form


@cache
def select(form: Form) -> str:
    """Reads rows: the columns that the form `selected`, and last the seal."""
    return f"SELECT {', '.join((*form.selected, 'checksum'))} FROM {form.relation}"


@cache
def upsert(form: Form) -> str:
    """Writes a row over the one with its `id`: the `stored` values, and last the seal."""
    names = (*form.selected, "checksum")
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    return (
        f"INSERT INTO {form.relation} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"
        f" ON CONFLICT (id) DO UPDATE SET {changes}"
    )


BY_IDS = "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
"""The condition for the rows whose ids are `listed`."""


def listed(ids: Iterable[str]) -> str:
    """Ids as the one parameter of `BY_IDS`."""
    return json.dumps(list(ids))

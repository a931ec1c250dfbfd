"""The statements that follow from a row's form."""

import json
from collections.abc import Iterable
from functools import cache

from app.domain.forms import Form


@cache
def select(form: Form) -> str:
    """Read rows: what the form `selected`, and last the seal."""
    return f"SELECT {', '.join((*form.selected, 'checksum'))} FROM {form.relation}"


@cache
def upsert(form: Form) -> str:
    """Write a row by its `id` in place of what stands there: what is `stored`, and last the seal."""
    names = (*form.selected, "checksum")
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    return (
        f"INSERT INTO {form.relation} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"
        f" ON CONFLICT (id) DO UPDATE SET {changes}"
    )


BY_IDS = "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
"""Which rows: those of the ids `listed`."""


def listed(ids: Iterable[str]) -> str:
    """Ids as the one parameter of `BY_IDS`."""
    return json.dumps(list(ids))

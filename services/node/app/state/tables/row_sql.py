"""SQL statements that follow from a row's form."""

import json
from collections.abc import Iterable, Sequence
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
    return f"{insert(form.relation, names)} {instead('id', names[1:])}"


def insert(relation: str, names: Sequence[str]) -> str:
    """Write a row with these columns."""
    return f"INSERT INTO {relation} ({', '.join(names)}) VALUES ({', '.join('?' for _ in names)})"


def instead(key: str, names: Iterable[str]) -> str:
    """What follows an `insert`: where a row with this key stands, write these columns of it."""
    return f"ON CONFLICT ({key}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names)}"


BY_IDS = "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
"""The condition for the rows whose ids are `listed`."""


def listed(ids: Iterable[str]) -> str:
    """Ids as the one parameter of `BY_IDS`."""
    return json.dumps(list(ids))


def within(sizes: Iterable[Sequence[int]], *, most: int) -> int:
    """How many of these rows, of which each has a size, are `most` in all: at least one."""
    total = count = 0
    for (size,) in sizes:
        total += size
        if count and total > most:
            break
        count += 1
    return count

"""The declaration of one replicated table, and the reading of its rows by page and by bucket that follows
from it."""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.database import Transaction
from app.database.digest import bucket_of, canonical, fingerprint_of
from app.database.file import read_somehow
from app.database.seals import UNREADABLE, Stored, is_listed, require_written
from app.domain import forms
from app.domain.errors import Invalid
from app.domain.forms import Form, Row
from app.domain.life import Life
from app.state.tables.stock_table import Merged

Rows = Sequence[Row]
Bulk = Callable[[Transaction, Rows, str], tuple[bool, Rows]]
"""Merges those rows of a donor that are plain. Returns whether anything changed, and the rows left."""

Behind = Callable[[sqlite3.Connection, Rows], dict[str, list[Row]]]
"""The rows of other relations that some rows need first: those they refer to, and the stock they took."""

Heard = Callable[[sqlite3.Connection, Life], Collection[int]]
"""The digest buckets with rows of a life that are here as others told them."""

_KEYS_AT_ONCE = 500


def _nothing_behind(_connection: sqlite3.Connection, _rows: Rows) -> dict[str, list[Row]]:
    return {}


def _nothing_due(_connection: sqlite3.Connection) -> list[str]:
    return []


def _nothing_heard(_connection: sqlite3.Connection, _life: Life) -> Collection[int]:
    return ()


@dataclass(frozen=True)
class Table:
    """A table, and those of its columns that together are a row's key in the digest."""

    name: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class Parts(Table):
    """A table of parts that belong to an entity's rows and are sealed with them: `key` names the row, and
    `apart` tells its parts apart. `values` returns all columns but the key's."""

    apart: tuple[str, ...]
    values: Callable[[], tuple[str, ...]]

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read of a part, the row's key first."""
        return (*self.key, *self.values())


@dataclass(frozen=True)
class Entity:
    """What is replicated of one table.

    - `key` names the columns of its primary key. Joined with "/" they are a row's key in the digest; pages
      are ordered by the first of them. `parts` is the table of the row's parts besides its columns, if there
      is one.
    - `event_kind` is the kind of the events that send the rows of a page key (app.sync.wire.kinds).
      `announced` is the query for the page keys that a new epoch announces again. It is None where the
      relation does that in another way.
    - `stored` reads the rows of page keys as they stand. `merge` merges rows from a peer; `bulk` first merges
      the plain ones of a page. `checked` returns a peer's row in canonical form, or raises Invalid. `put`
      replaces a row without counting it in the digest.
    - `due` names the keys of rows that must be there. `stored` includes a missing one of these, without its
      content.
    - `of_branch`: a row belongs to the branch that it names, and only that branch sends events of it.
      `behind` reads the rows of other relations that a page of rows needs first. `runs_ahead`: a row may
      reach a node before its event does, as a grant's reply brings one. `heard` finds the rows of a life
      that count less as long as only others told them.
    """

    relation: str
    key: tuple[str, ...]
    event_kind: str
    announced: str | None
    stored: Callable[[sqlite3.Connection, Iterable[str]], list[Stored]]
    merge: Callable[[Transaction, Rows, str], Merged]
    bulk: Bulk
    checked: Callable[[Transaction, Any], Row]
    put: Callable[[Transaction, Row], None]
    seal: Callable[[Row], int]
    encode: Callable[[Row], bytes] = canonical
    due: Callable[[sqlite3.Connection], list[str]] = _nothing_due
    of_branch: bool = False
    behind: Behind = _nothing_behind
    runs_ahead: bool = False
    heard: Heard = _nothing_heard
    parts: Parts | None = None

    @property
    def form(self) -> Form:
        return forms.of(self.relation)

    def key_of(self, row: Mapping[str, Any]) -> str:
        """A row's key in the digest."""
        return "/".join(str(row[name]) for name in self.key)

    def page_keys(
        self,
        connection: sqlite3.Connection,
        *,
        after: str = "",
        last: str | None = None,
        branch: str | None = None,
        limit: int = -1,
    ) -> list[str]:
        """Up to `limit` page keys after `after` and not beyond `last`, in order. `branch` limits them to one
        branch's rows."""
        column = self.key[0]
        narrow = " AND branch = :branch" if self.of_branch and branch is not None else ""
        narrow += f" AND {column} <= :last" if last is not None else ""
        distinct = "DISTINCT " if len(self.key) > 1 else ""
        query = (
            f"SELECT {distinct}{column} FROM {self.relation} WHERE {column} > :after{narrow}"
            f" ORDER BY {column} LIMIT :limit"
        )
        values = {"after": after, "last": last, "branch": branch, "limit": limit}
        return read_somehow(connection, lambda: [row[0] for row in connection.execute(query, values)])

    def last_page_key(self, connection: sqlite3.Connection) -> str | None:
        """The last page key in their order, or None if there is no row."""
        query = f"SELECT MAX({self.key[0]}) FROM {self.relation}"
        found: str | None = read_somehow(connection, lambda: connection.execute(query).fetchone()[0])
        return found

    def read(self, connection: sqlite3.Connection, keys: Iterable[str]) -> list[Row]:
        """The rows of these page keys, to be sent to peers. Raises AlteredRow for an altered row that may not
        be sent.

        Listed rows of stock are left out: merging takes the maximum of each count, so a wrong one could not
        be taken back.
        """
        wanted = list(keys)
        found = read_somehow(connection, lambda: self.stored(connection, wanted))
        if self.relation == "stock":
            found = [row for row in found if row.is_sound or not is_listed(connection, row)]
        return [require_written(connection, stored, "send") for stored in found]

    def every(self, connection: sqlite3.Connection) -> Iterator[Stored]:
        """Every row as it stands, in a scan of the whole table."""
        due = [self.page_key_of(key) for key in self.due(connection)]
        keys = list(dict.fromkeys([*self.page_keys(connection), *due]))
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            yield from self.stored(connection, keys[start : start + _KEYS_AT_ONCE])

    def placeholder(self, key: str) -> int:
        """What a row without a canonical form adds to a total that is counted anew. Without it, the total
        would prove that no command wrote the row (app.state.repair.buckets.plan)."""
        return fingerprint_of(self.relation, b"unreadable\0" + key.encode())

    def page_key_of(self, key: str) -> str:
        """The page key of the row with this key in the digest."""
        return key.partition("/")[0] if len(self.key) > 1 else key

    def pages_by_bucket(
        self, connection: sqlite3.Connection, buckets: Collection[int], *, after: int = 0, limit: int = -1
    ) -> tuple[dict[int, list[str]], int]:
        """The page keys of some digest buckets' rows, by bucket, among the next `limit` rows after the row
        number `after`; and the last row number among them, or `after`. It reads the keys of all of these."""
        names = " || '/' || ".join(self.key)
        found: dict[int, dict[str, None]] = {bucket: {} for bucket in buckets}
        last = after
        query = f"SELECT rowid, {names}, {self.key[0]} FROM {self.relation}"
        of_them = " WHERE rowid > ? ORDER BY rowid LIMIT ?"
        for number, key, page_key in connection.execute(query + of_them, (after, limit)):
            last = max(last, number)
            bucket = bucket_of(key if isinstance(key, str) else repr(key))  # a damaged key need be no text
            if bucket in found:
                found[bucket][page_key] = None
        return {bucket: list(keys) for bucket, keys in found.items()}, last

    def in_bucket(
        self, connection: sqlite3.Connection, bucket: int, *, pages: Iterable[str] = (), after: int = 0
    ) -> list[Stored]:
        """Every row of one digest bucket as it stands. `pages` are its page keys up to the row number
        `after`."""
        return self.in_buckets(connection, {bucket: pages}, after=after)[bucket]

    def in_buckets(
        self, connection: sqlite3.Connection, pages: Mapping[int, Iterable[str]], *, after: int
    ) -> dict[int, list[Stored]]:
        """As `in_bucket`, of several buckets, by bucket. `pages` are their page keys up to the row number
        `after`."""
        later, _ = self.pages_by_bucket(connection, pages, after=after)
        due = [self.page_key_of(key) for key in self.due(connection) if bucket_of(key) in pages]
        keys = [key for bucket in pages for key in (*pages[bucket], *later[bucket])]
        found: dict[int, list[Stored]] = {bucket: [] for bucket in pages}
        for row in self.stored(connection, dict.fromkeys([*keys, *due])):
            bucket = bucket_of(row.key)
            if bucket in found:
                found[bucket].append(row)
        return found

    def upcast(self, row: Any, revisions: Mapping[str, int]) -> Any:
        """Turn a row from a peer that writes these revisions into one of this version. A relation that is not
        named has revision 1. The row is checked afterwards. Raises Invalid where that cannot be done."""
        if not isinstance(row, dict):
            return row
        try:
            return self.form.upcast(row, revisions.get(self.relation, 1))
        except UNREADABLE as error:  # nobody has looked at what the row holds
            raise Invalid(self.relation, "not_of_its_revision") from error

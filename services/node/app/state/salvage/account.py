"""What came back of a set-aside file and what did not, as this node keeps it in `salvaged`."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from app.database import Transaction
from app.state.tables import order_durability

NAMED = 100
"""How many orders an account names; the others are counted."""


@dataclass(frozen=True)
class Account:
    """One file's account.

    - `new` counts, by relation, the rows that were not here before; `back` the orders among them; `of_others`
      those of other branches.
    - `lost` orders were certainly in the file and are nowhere now; `doubtful` ones perhaps were in it.
    - `left` rows verify but cannot be merged yet, because a row that they refer to is not here.
    - Only a `complete` account is final.
    """

    complete: bool = False
    sealed: bool = True
    pages: int = 0
    damaged: int = 0
    read: Mapping[str, int] = field(default_factory=dict)
    verified: Mapping[str, int] = field(default_factory=dict)
    new: Mapping[str, int] = field(default_factory=dict)
    back: int = 0
    back_ids: Sequence[str] = ()
    of_others: int = 0
    lost: int = 0
    lost_ids: Sequence[str] = ()
    doubtful: int = 0
    doubtful_ids: Sequence[str] = ()
    left: int = 0

    def add(self, relation: str, *, new: int, left: int) -> "Account":
        """The account after some more rows."""
        counts = {**self.new, relation: self.new.get(relation, 0) + new}
        return replace(self, new=counts, left=self.left + left)

    def add_orders(self, ids: Sequence[str], *, own: int) -> "Account":
        """The account after orders came back, `own` of them of this branch."""
        return replace(
            self,
            back=self.back + len(ids),
            back_ids=[*self.back_ids, *ids][:NAMED],
            of_others=self.of_others + len(ids) - own,
        )

    def settle(self, *, lost: Sequence[str], doubtful: Sequence[str]) -> "Account":
        """The account at the end. It is complete unless rows still wait for those they refer to."""
        return replace(
            self,
            complete=self.left == 0,
            lost=len(lost),
            lost_ids=list(lost[:NAMED]),
            doubtful=len(doubtful),
            doubtful_ids=list(doubtful[:NAMED]),
        )

    def without(self, here: Collection[str]) -> "Account":
        """The account after these orders arrived by another way: another branch brought them back."""
        lost = [order_id for order_id in self.lost_ids if order_id not in here]
        doubtful = [order_id for order_id in self.doubtful_ids if order_id not in here]
        return replace(
            self,
            lost=self.lost - len(self.lost_ids) + len(lost),
            lost_ids=lost,
            doubtful=self.doubtful - len(self.doubtful_ids) + len(doubtful),
            doubtful_ids=doubtful,
        )

    def sentence(self, file: str) -> str:
        """Both numbers in a sentence for people."""
        named = f" ({', '.join(self.lost_ids[:5])}{', …' if self.lost > 5 else ''})" if self.lost else ""
        sure = "" if self.sealed else "; its rows have no checksums, so they were believed as they stand"
        later = "" if self.complete else "; the rest is tried again"
        return (
            f"of the damaged file {file} {_orders(self.back)} came back and {_orders(self.lost)} could not be"
            f" brought back{named}{sure}{later}"
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def read_account(connection: sqlite3.Connection, file: str) -> Account | None:
    """The account of a file, or None if the file was never read."""
    row = connection.execute("SELECT report FROM salvaged WHERE file = ?", (file,)).fetchone()
    return None if row is None else _read(row[0])


def _read(report: str) -> Account:
    known = {each.name for each in fields(Account)}
    return Account(**{name: value for name, value in json.loads(report).items() if name in known})


def write_account(tx: Transaction, file: str, account: Account) -> None:
    """Store an account in the transaction that it describes."""
    tx.connection.execute(
        "INSERT OR REPLACE INTO salvaged (file, at, report) VALUES (?, ?, ?)",
        (file, tx.now, json.dumps(account.as_json())),
    )


@dataclass(frozen=True)
class SalvagedFile:
    """A set-aside file's account in brief; `at` is the last look into the file, in seconds since 1970."""

    file: str
    at: float
    orders_back: int
    orders_lost: int
    complete: bool


def accounts(connection: sqlite3.Connection) -> list[SalvagedFile]:
    """Every account in brief, by file, as /status shows it."""
    rows = connection.execute("SELECT file, at, report FROM salvaged ORDER BY file").fetchall()
    found = [(row[0], row[1], _read(row[2])) for row in rows]
    return [
        SalvagedFile(file, at, orders_back=account.back, orders_lost=account.lost, complete=account.complete)
        for file, at, account in found
    ]


def recount(tx: Transaction) -> None:
    """Take orders that are here now off the lost and doubtful ones, as far as they were named."""
    for file, report in tx.connection.execute("SELECT file, report FROM salvaged").fetchall():
        account = _read(report)
        named = json.dumps([*account.lost_ids, *account.doubtful_ids])
        query = "SELECT id FROM orders WHERE id IN (SELECT value FROM json_each(?))"
        here = {row[0] for row in tx.connection.execute(query, (named,))}
        if here:
            tx.connection.execute(
                "UPDATE salvaged SET report = ? WHERE file = ?",
                (json.dumps(account.without(here).as_json()), file),
            )


def forget_absent(tx: Transaction, present: Collection[str]) -> None:
    """Drop the accounts of files that are no longer there."""
    for row in tx.connection.execute("SELECT file FROM salvaged").fetchall():
        if row[0] not in present:
            tx.connection.execute("DELETE FROM salvaged WHERE file = ?", (row[0],))


def may_be_removed(connection: sqlite3.Connection, file: str, *, before: float) -> bool:
    """Whether the network has had everything from a file since a time earlier than `before`. Its account must
    be complete, with nothing lost or in doubt, and a peer must store every order that came back.

    A file that brought back another branch's orders is kept: this node cannot know which nodes store those.
    """
    row = connection.execute("SELECT at FROM salvaged WHERE file = ?", (file,)).fetchone()
    account = read_account(connection, file)
    if row is None or account is None or row[0] >= before:
        return False
    settled = account.complete and not (account.lost or account.doubtful or account.of_others)
    return settled and (account.back == 0 or order_durability.at_risk(connection) == 0)

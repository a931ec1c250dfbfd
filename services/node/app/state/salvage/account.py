"""What came back of a set-aside file and what did not, as this node keeps it in `salvaged`."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from app.database import Transaction
from app.state.tables import order_durability

NAMED = 100
"""Orders that an account names; the others are counted."""


@dataclass(frozen=True)
class Account:
    """One file's account. `new` counts by relation the rows that were not here before, `back` the orders
    among them, `of_others` those of other branches. `lost` orders are known to have been in the file and are
    nowhere now; `doubtful` ones perhaps were. `left` rows verify and cannot be merged yet: what they refer to
    is not here. Only a `complete` account is the last word."""

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
        """The account after orders came back, of which so many are this branch's own."""
        return replace(
            self,
            back=self.back + len(ids),
            back_ids=[*self.back_ids, *ids][:NAMED],
            of_others=self.of_others + len(ids) - own,
        )

    def settle(self, *, lost: Sequence[str], doubtful: Sequence[str]) -> "Account":
        """The account at the end: complete, unless something waits for what it refers to."""
        return replace(
            self,
            complete=self.left == 0,
            lost=len(lost),
            lost_ids=list(lost[:NAMED]),
            doubtful=len(doubtful),
            doubtful_ids=list(doubtful[:NAMED]),
        )

    def without(self, here: Collection[str]) -> "Account":
        """The account once these orders are here after all: another branch brought them back."""
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
        """Both numbers in words, for people."""
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
    """The account of a file, or None where it was never looked into."""
    row = connection.execute("SELECT report FROM salvaged WHERE file = ?", (file,)).fetchone()
    return None if row is None else _read(row[0])


def _read(report: str) -> Account:
    known = {each.name for each in fields(Account)}
    return Account(**{name: value for name, value in json.loads(report).items() if name in known})


def write_account(tx: Transaction, file: str, account: Account) -> None:
    """Keep an account in the transaction of what it tells of."""
    tx.connection.execute(
        "INSERT OR REPLACE INTO salvaged (file, at, report) VALUES (?, ?, ?)",
        (file, tx.now, json.dumps(account.as_json())),
    )


def accounts(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every account in few words, by file, as /status shows it."""
    rows = connection.execute("SELECT file, at, report FROM salvaged ORDER BY file").fetchall()
    found = [(row[0], row[1], _read(row[2])) for row in rows]
    return [
        {
            "file": file,
            "at": at,
            "orders_back": account.back,
            "orders_lost": account.lost,
            "complete": account.complete,
        }
        for file, at, account in found
    ]


def recount(tx: Transaction) -> None:
    """Call no order lost or doubtful any more that is here by now, as far as it was named."""
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
    """Forget the accounts of files that are not there any more."""
    for row in tx.connection.execute("SELECT file FROM salvaged").fetchall():
        if row[0] not in present:
            tx.connection.execute("DELETE FROM salvaged WHERE file = ?", (row[0],))


def may_be_removed(connection: sqlite3.Connection, file: str, *, before: float) -> bool:
    """Whether the network has all that a file held, since before that time: its account is complete, nothing
    was lost or in doubt, and every order that came back is stored by a peer. Of another branch's orders
    nobody tells this node who has them, so a file that brought such back is kept."""
    row = connection.execute("SELECT at FROM salvaged WHERE file = ?", (file,)).fetchone()
    account = read_account(connection, file)
    if row is None or account is None or row[0] >= before:
        return False
    settled = account.complete and not (account.lost or account.doubtful or account.of_others)
    return settled and (account.back == 0 or order_durability.at_risk(connection) == 0)

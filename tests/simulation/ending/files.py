"""What the nodes' files hold in the end: their rows, less those not judged, and whether they are at rest."""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Replicated tables and what their rows are ordered by. Which peer an order came from, and where it stands in
# whose log, is a node's own business.
TABLES = {
    "users": "id",
    "customers": "id",
    "products": "id",
    "orders": "id",
    "order_lines": "order_id, line",
    "stock": "product_id, branch, epoch",
    "stock_grants": "product_id, branch, epoch, to_branch, to_epoch",
}
_LOCAL_COLUMNS = {"announced", "seq", "donor"}

_DEAD = "SELECT branch, epoch FROM epochs WHERE dead = 1 ORDER BY branch, epoch"
_HEARSAY = "SELECT branch, epoch FROM hearsay_deaths"
_WITH_ROWS = """
    SELECT branch, epoch FROM stock UNION SELECT branch, epoch FROM orders
    UNION SELECT to_branch, to_epoch FROM stock_grants
    UNION SELECT origin, epoch FROM positions UNION SELECT origin, epoch FROM parked
"""

Files = Mapping[str, sqlite3.Connection]


@dataclass(frozen=True)
class LeftOut:
    """What is not judged where a member lies: all rows of its `branch`, and the catalogue `rows` that it
    changed, by id. Of the stock, only the rows of `living` lives are judged that no file marks as `hearsay`.
    The others may differ: whose edit wins is in the liar's power, and so is what it says of lives that are
    over or never were. `some_ended` says that honest lives were ended by lies."""

    branch: str | None = None
    rows: Collection[str] = frozenset()
    living: Collection[tuple[str, str]] = frozenset()
    hearsay: Collection[tuple[str, str, str]] = frozenset()
    some_ended: bool = False

    def is_of_liar(self, branch: str) -> bool:
        return branch == self.branch

    def is_judged(self, product: str, branch: str, epoch: str) -> bool:
        """Whether a row of the stock is."""
        told = (branch, epoch) in self.living and (product, branch, epoch) not in self.hearsay
        return self.branch is None or told

    def may_be_false(self, order: Mapping[str, Any]) -> bool:
        """Whether a liar may have invented or cancelled an order: of a life that is over everybody may tell
        that."""
        return self.branch is not None and (order["branch"], order["epoch"]) not in self.living

    def rest(self, file: sqlite3.Connection) -> dict[str, list[str]]:
        """All other rows of a file, by table."""
        tables = dump(file)
        if self.branch is None:
            return tables
        orders = {row[0] for row in file.execute("SELECT id FROM orders WHERE branch = ?", (self.branch,))}
        return {
            table: [row for row in rows if not self._has(json.loads(row), orders)]
            for table, rows in tables.items()
        }

    def _has(self, row: Mapping[str, Any], orders: Collection[str]) -> bool:
        named = {row.get("branch"), row.get("stamp_node"), row.get("role_node"), row.get("credentials_node")}
        if "product_id" in row and "branch" in row:
            return not self.is_judged(row["product_id"], row["branch"], row["epoch"])
        return self.branch in named or row.get("id") in self.rows or row.get("order_id") in orders


NOTHING = LeftOut()


def deaths(files: Files, left_out: LeftOut = NOTHING) -> list[list[Any]]:
    """The lives that each node knows to be over. What others only say of a member's life is not handed on
    (app.domain.testimony). So a life that a file has by the word of others is left out where no file has a
    row of it: it decides nothing, and where its own branch lost its disk nobody will ever speak of it. Where
    a member lied every such life is: it may never have been."""
    told = {tuple(life) for file in files.values() for life in file.execute(_HEARSAY)}
    if left_out.branch is None:
        told -= {tuple(life) for file in files.values() for life in file.execute(_WITH_ROWS)}
    return [
        [life for life in file.execute(_DEAD) if not left_out.is_of_liar(life[0]) and tuple(life) not in told]
        for file in files.values()
    ]


def is_quiet(files: Files, left_out: LeftOut = NOTHING) -> bool:
    """Whether every node has applied all events of every other, the others have received its acknowledgement,
    and all know the same dead lives."""
    over = deaths(files, left_out)
    if any(known != over[0] for known in over):
        return False
    heads = {name: _one(file, "SELECT epoch, seq FROM node") for name, file in files.items()}
    for name, file in files.items():
        for origin, (epoch, seq) in heads.items():
            if origin == name:
                continue
            at = _one(file, "SELECT seq FROM positions WHERE origin = ? AND epoch = ?", origin, epoch)
            heard = _one(
                files[origin],
                "SELECT acknowledged FROM cursors WHERE peer = ? AND peer_epoch = ? AND epoch = ?",
                *(name, heads[name][0], epoch),
            )
            if seq and (at != (seq,) or heard != (seq,)):
                return False
    return True


def are_alike(files: Files, left_out: LeftOut) -> bool:
    """Whether all files hold the same rows, but for what is left out."""
    first, *others = [left_out.rest(file) for file in files.values()]
    return all(rest == first for rest in others)


def ends(files: Files) -> list[tuple[Any, ...]]:
    """Where every node's own events end: equal at two instants if nobody wrote in between."""
    return [_one(file, "SELECT epoch, seq FROM node") for file in files.values()]


def orders(file: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """The stored orders by id: `{key, branch, epoch, status, units}`."""
    found: dict[str, dict[str, Any]] = {
        row[0]: {"key": row[1], "branch": row[2], "epoch": row[3], "status": row[4], "units": {}}
        for row in file.execute("SELECT id, idempotency_key, branch, epoch, status FROM orders")
    }
    for order_id, sku, quantity in file.execute("SELECT order_id, sku, quantity FROM order_lines"):
        found[order_id]["units"][sku] = quantity
    return found


def dump(file: sqlite3.Connection) -> dict[str, list[str]]:
    """Every replicated row as canonical JSON, by table, in key order."""
    tables: dict[str, list[str]] = {}
    for table, order in TABLES.items():
        rows = file.execute(f"SELECT * FROM {table} ORDER BY {order}")
        names = [column[0] for column in rows.description]
        tables[table] = [
            json.dumps({n: _value(n, v) for n, v in zip(names, row, strict=True) if n not in _LOCAL_COLUMNS})
            for row in rows
        ]
    return tables


def _value(name: str, value: Any) -> Any:
    """A column's value; of the unknown fields, what they say, however it is written."""
    return value if name != "extra" or value is None else dict(sorted(json.loads(value).items()))


def digest(tables: Mapping[str, Sequence[str]]) -> str:
    """SHA-256 (hex) of a dump."""
    return hashlib.sha256(json.dumps(tables).encode()).hexdigest()


def _one(file: sqlite3.Connection, query: str, *values: Any) -> Any:
    return file.execute(query, values).fetchone()

"""Orders by the page: what `orders` does for one of them, in few statements for many.

Only what is plain is done here. Whatever a page holds besides (a known order that differs, a text or number
that needs a closer look, a constraint that does not hold) is left to `orders`, one by one.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise, product
from operator import itemgetter
from typing import Any

from app.database import Transaction, digest
from app.state import text
from app.state.fields import LARGEST
from app.state.order import LINE, MAX_LINES, MAX_QUANTITY, NAMES, STATUSES
from app.state.order_rows import ORDER, PLAIN_SECONDS, Row, encode, read, sealed

_TYPES: dict[str, tuple[type, ...]] = {
    "created_at": (float,),
    "idempotency_key": (str, type(None)),
    "lamport": (int,),
    "lines": (list,),
    "note": (str, type(None)),
    "total_cents": (int,),
    "version": (int,),
}
_SHAPES = frozenset(product(*(_TYPES.get(name, (str,)) for name in NAMES)))
_LINE_SHAPE = (int, str, str, int, str, int)
_words_of = itemgetter("name", "product_id", "sku")
_keys_of = itemgetter(*(name for name in NAMES if name not in _TYPES))
_order_of = itemgetter(*ORDER)
_INSERT = (
    f"INSERT INTO orders ({', '.join(ORDER)}, checksum, announced, seq, donor)"
    f" VALUES ({', '.join('?' for _ in ORDER)}, ?, '', 0, ?)",
    f"INSERT INTO order_lines (order_id, {', '.join(LINE)}) VALUES (?, {', '.join('?' for _ in LINE)})",
)


def is_plain(row: Any) -> bool:
    """Whether a row from a peer is surely an order that a node could have written. False says nothing: then
    `orders.merge` decides."""
    if type(row) is not dict or tuple(row) != NAMES or tuple(map(type, row.values())) not in _SHAPES:
        return False
    keys, lines, note, key = _keys_of(row), row["lines"], row["note"], row["idempotency_key"]
    return (
        1 <= len(lines) <= MAX_LINES
        and all(map(_is_plain_line, lines))
        and _in_order([line["line"] for line in lines])
        and sum(line["quantity"] * line["unit_price_cents"] for line in lines) == row["total_cents"]
        and row["total_cents"] <= LARGEST
        and 0 <= row["lamport"] <= LARGEST
        and 1 <= row["version"] <= LARGEST
        and PLAIN_SECONDS[0] <= row["created_at"] < PLAIN_SECONDS[1]
        and row["status"] in STATUSES
        and max(map(len, keys)) <= text.KEY
        and (note is None or (len(note) <= text.NOTE and _are_plain([note])))
        and (key is None or (len(key) <= text.IDEMPOTENCY_KEY and _are_plain([key])))
        and _are_plain([*keys, *(word for line in lines for word in _words_of(line))])
    )


def merge(tx: Transaction, rows: Sequence[Any], *, donor: str) -> tuple[int, list[Any]]:
    """Apply those of a peer's orders that are plain; how many were written, and the rows that are left to
    `orders.merge`. Raises a constraint error, for the caller to undo, if one of them does not fit."""
    plain: dict[str, Row] = {}
    left = []
    for row in rows:
        if is_plain(row) and row["id"] not in plain:
            plain[row["id"]] = row
        else:
            left.append(row)
    for ours in read(tx.connection, plain):
        theirs = plain.pop(ours["id"])
        if encode(ours) != encode(theirs):
            left.append(theirs)
    _insert(tx, list(plain.values()), donor=donor)
    return len(plain), left


def _insert(tx: Transaction, rows: Sequence[Row], *, donor: str) -> None:
    tx.connection.executemany(_INSERT[0], [(*_order_of(row), sealed(row), donor) for row in rows])
    tx.connection.executemany(
        _INSERT[1], [(row["id"], *line.values()) for row in rows for line in row["lines"]]
    )
    for row in rows:
        digest.add_row(tx.effects.deltas, "orders", row["id"], encode(row))


def _is_plain_line(line: Any) -> bool:
    if type(line) is not dict or tuple(line) != LINE or tuple(map(type, line.values())) != _LINE_SHAPE:
        return False
    number, name, product_id, quantity, sku, price = line.values()
    return (
        0 <= number <= MAX_LINES
        and 1 <= quantity <= MAX_QUANTITY
        and 0 <= price <= LARGEST
        and len(product_id) <= text.KEY
        and len(sku) <= text.KEY
        and len(name) <= text.NAME
    )


def _in_order(numbers: Sequence[int]) -> bool:
    """Whether reading the lines from the table gives them in the order in which they came."""
    return all(one < next_ for one, next_ in pairwise(numbers))


def _are_plain(texts: Iterable[str]) -> bool:
    """Whether `text.fault` finds nothing in any of them but perhaps their lengths: all at once, since of the
    printable characters only the space is white."""
    joined = f"|{'|'.join(texts)}|"
    return joined.isprintable() and not ("||" in joined or "| " in joined or " |" in joined)

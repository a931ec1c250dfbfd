"""An order as a value, and what no node could have written of one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from app.life import Life
from app.state import forms, text
from app.state.errors import Invalid
from app.state.fields import Fields
from app.state.forms import Row

Status = Literal["placed", "cancelled"]

MAX_LINES = 100
MAX_QUANTITY = 1_000_000
STATUSES: tuple[Status, ...] = ("placed", "cancelled")

# By name, as the canonical form has them: rows built in this order need no sorting.
NAMES = tuple(sorted((*forms.ORDERS.columns, "lines")))
LINE = tuple(sorted(forms.LINES.columns))

_NAMES = ("id", "number", "branch", "epoch", "customer_id", "user_id", "status", "request_hash")


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Units of one product, with its sku, name and price in cents as sold. `line` is its place in the order;
    `beyond` are fields of later revisions (app.state.forms)."""

    line: int
    product_id: str
    sku: str
    name: str
    quantity: int
    unit_price_cents: int
    beyond: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cents(self) -> int:
        """What the whole line costs."""
        return self.quantity * self.unit_price_cents

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "OrderLine":
        """The line of a canonical row."""
        columns = {name: row[name] for name in forms.LINES.columns}
        return cls(**columns, beyond=forms.of("order_lines").beyond(row))

    @classmethod
    def from_json(cls, body: object) -> "OrderLine":
        """The line that a peer sent. Raises Invalid for one that no node could have written."""
        fields = Fields("line", body, forms.LINES.columns)
        return cls(
            line=fields.natural("line", most=MAX_LINES),
            product_id=fields.text("product_id", longest=text.KEY),
            sku=fields.text("sku", longest=text.KEY),
            name=fields.text("name", longest=text.NAME),
            quantity=fields.natural("quantity", least=1, most=MAX_QUANTITY),
            unit_price_cents=fields.natural("unit_price_cents"),
            beyond=forms.of("order_lines").checked_beyond(fields.row),
        )

    def as_json(self) -> Row:
        """The canonical row, for the wire and the digest."""
        return {**{name: getattr(self, name) for name in LINE}, **self.beyond}


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its branch took it, in a life (`branch`, `epoch`) at a logical time (`lamport`). `version`
    rises when its status changes; `created_at` is in seconds since 1970, for display only. `beyond` are
    fields of later revisions (app.state.forms)."""

    id: str
    number: str
    branch: str
    epoch: str
    lamport: int
    customer_id: str
    user_id: str
    status: Status
    note: str | None
    total_cents: int
    version: int
    created_at: float
    idempotency_key: str | None
    request_hash: str
    lines: tuple[OrderLine, ...]
    beyond: Mapping[str, Any] = field(default_factory=dict)

    @property
    def life(self) -> Life:
        """The life that took the order."""
        return Life(self.branch, self.epoch)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Order":
        """The order of a canonical row."""
        columns = {name: row[name] for name in forms.ORDERS.columns}
        lines = tuple(map(OrderLine.from_row, row["lines"]))
        return cls(**columns, lines=lines, beyond=_beyond(row))

    @classmethod
    def from_json(cls, body: object) -> "Order":
        """The order that a peer sent. Raises Invalid for one that no node could have written."""
        fields = Fields("order", body, NAMES)
        row = fields.row
        for name in _NAMES:
            fields.text(name, longest=text.KEY)
        fields.optional_text("note", longest=text.NOTE)
        fields.optional_text("idempotency_key", longest=text.IDEMPOTENCY_KEY)
        fields.natural("lamport")
        fields.seconds("created_at")
        total_cents = fields.natural("total_cents")
        if fields.natural("version") < 1 or row["status"] not in STATUSES:
            raise Invalid("status", "out_of_range")
        if not isinstance(row["lines"], list) or not 1 <= len(row["lines"]) <= MAX_LINES:
            raise Invalid("lines", "out_of_range")
        lines = tuple(map(OrderLine.from_json, row["lines"]))
        _require_whole(lines, total_cents)
        columns = {name: row[name] for name in forms.ORDERS.columns}
        return cls(**columns, lines=lines, beyond=forms.of("orders").checked_beyond(_beyond(row)))

    def as_json(self) -> Row:
        """The canonical row, for the wire and the digest."""
        row = {name: getattr(self, name) for name in NAMES}
        return {**row, "lines": [line.as_json() for line in self.lines], **self.beyond}


def _beyond(row: Mapping[str, Any]) -> Row:
    return {name: value for name, value in forms.of("orders").beyond(row).items() if name != "lines"}


def _require_whole(lines: Sequence[OrderLine], total_cents: int) -> None:
    if total_cents != sum(line.cents for line in lines):
        raise Invalid("total_cents", "not_the_sum_of_the_lines")
    if any(one.line >= next_.line for one, next_ in pairwise(lines)):
        # Read back they would stand in another order, and the digest would be of rows that nobody has.
        raise Invalid("lines", "out_of_range")

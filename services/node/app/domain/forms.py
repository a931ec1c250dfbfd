"""The form of each replicated row: its columns, what was added to them since, and how it is sealed. Pure.

A row's canonical form (for the wire and the digest) has every column of revision 1, and each later one that
differs from its wire default. It also has the fields of newer versions that this one does not know (`extra`).
So a version passes on an unknown field as it came, and a field that nobody has set changes no row's bytes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from app.domain.errors import Invalid
from app.domain.row_checks import Natural, Text

Row = dict[str, Any]
MOST_EXTRA_BYTES = 16_384
"""The longest JSON of a row's unknown fields: a peer must not fill the disk with one row."""


@dataclass(frozen=True)
class Added:
    """A column that a later revision added. A row without it means `default`. The table's column
    derives from this (app.database.tables)."""

    name: str
    default: str | int | None
    rule: Text | Natural


@dataclass(frozen=True, eq=False)  # one object a relation and version: statements are kept by it
class Form:
    """One table's rows. `columns` are those of revision 1, in the order in which they are read and sealed.
    `upcasts` turn a row of an older revision into one of the next, and keep what is there already."""

    relation: str
    revision: int
    columns: tuple[str, ...]
    added: tuple[Added, ...] = ()
    upcasts: tuple[tuple[int, Callable[[Row], Row]], ...] = ()

    @cached_property
    def selected(self) -> tuple[str, ...]:
        """Every column that is read of a row, in this order: the form's own, `extra`."""
        return (*self.columns, *(field.name for field in self.added), "extra")

    @cached_property
    def known(self) -> frozenset[str]:
        """The names of all fields that this version knows."""
        return frozenset((*self.columns, *(field.name for field in self.added)))

    @cached_property
    def _first(self) -> frozenset[str]:
        return frozenset(self.columns)

    def more_of(self, values: Sequence[Any]) -> Row:
        """The fields beyond revision 1 of a row that was read, given what was `selected` after `columns`."""
        *added, extra = values
        more = {
            field.name: value
            for field, value in zip(self.added, added, strict=True)
            if value != field.default
        }
        return more if extra is None else {**more, **_decoded(extra)}

    def row(self, values: Sequence[Any]) -> Row:
        """The canonical row of the values `selected`."""
        row = dict(zip(self.columns, values, strict=False))
        if len(values) == len(self.columns) + 1 and values[-1] is None:
            return row
        return {**row, **self.more_of(values[len(self.columns) :])}

    def stored(self, row: Mapping[str, Any]) -> list[Any]:
        """The values to store of a canonical row, as `selected`."""
        unknown = self.unknown_of(row)
        added = [row.get(field.name, field.default) for field in self.added]
        return [*self._first_of(row), *added, encoded_extra(unknown)]

    @cached_property
    def _first_of(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        return itemgetter(*self.columns)

    def unknown_of(self, row: Mapping[str, Any]) -> Row:
        """The fields of a row that this version does not know."""
        if row.keys() <= self.known:  # as most rows are
            return {}
        return {name: value for name, value in row.items() if name not in self.known}

    def beyond(self, row: Mapping[str, Any]) -> Row:
        """The fields of a canonical row beyond revision 1, known or not."""
        first = self._first
        if row.keys() <= first:  # as most rows are
            return {}
        return {name: value for name, value in row.items() if name not in first}

    def checked_beyond(self, row: Mapping[str, Any]) -> Row:
        """The fields beyond revision 1 of a row from a peer, without those that equal their default. Raises
        Invalid for a value that does not fit."""
        more = self.beyond(row)
        if not more:
            return more
        for field in self.added:
            if field.name in more:
                if more[field.name] == field.default:
                    del more[field.name]
                else:
                    field.rule.check(field.name, more[field.name])
        try:
            extra = encoded_extra(self.unknown_of(more))
            length = 0 if extra is None else len(extra.encode())
        except ValueError as error:
            raise Invalid("extra", "malformed") from error
        if length > MOST_EXTRA_BYTES:
            raise Invalid("extra", "too_long")
        return more

    def upcast(self, row: Row, revision: int) -> Row:
        """A row of an older revision as one of this one; a newer one stays as it is."""
        for before, step in self.upcasts:
            if revision <= before:
                row = step(row)
        return row


def _decoded(extra: Any) -> Row:
    try:
        unknown = json.loads(extra)
    except (ValueError, TypeError, RecursionError):
        return {}  # its seal tells that something else stood there
    return unknown if isinstance(unknown, dict) else {}


def encoded_extra(unknown: Mapping[str, Any]) -> str | None:
    """The unknown fields as they are stored, or None where there are none. Raises ValueError for what has no
    JSON."""
    if not unknown:
        return None
    return json.dumps(unknown, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sealed_beyond(beyond: Mapping[str, Any]) -> list[str]:
    """What a seal covers of the fields beyond revision 1: the same whether this version knows them or not."""
    if not beyond:
        return []
    return [f"{name}={encoded_extra({name: beyond[name]})}" for name in sorted(beyond)]


def greater_beyond(
    one: tuple[int, Mapping[str, Any]], other: tuple[int, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The fields beyond revision 1 that stay when two views of a row are merged: the later view's, or, of two
    equally late ones, those with the greater bytes."""
    return max(one, other, key=lambda view: (view[0], encoded_extra(view[1]) or ""))[1]


USERS = Form(
    relation="users",
    revision=2,
    columns=(
        "id", "username", "password_hash", "credentials_lamport", "credentials_node", "credentials_epoch",
        "role", "role_lamport", "role_node", "role_epoch", "deactivations", "reactivations", "token_version",
    ),
    added=(Added("admin_until", 0, Natural()),),
)  # fmt: skip
_STAMP = ("lamport", "stamp_node", "stamp_epoch")
CUSTOMERS = Form(
    relation="customers",
    revision=1,
    columns=("id", "code", "name", "contact", "email", "phone", "city", "country", *_STAMP),
)
PRODUCTS = Form(relation="products", revision=1, columns=("id", "sku", "name", "price_cents", *_STAMP))
COUNTS = ("received", "returned", "returned_frozen", "recovered", "written_off", "sold", "removed")
STOCK = Form(relation="stock", revision=1, columns=("product_id", "branch", "epoch", *COUNTS, "version"))
ORDERS = Form(
    relation="orders",
    revision=1,
    columns=(
        "id", "number", "branch", "epoch", "lamport", "customer_id", "user_id", "status", "note",
        "total_cents", "version", "created_at", "idempotency_key", "request_hash",
    ),
)  # fmt: skip
LINES = Form(
    relation="order_lines",
    revision=1,
    columns=("line", "product_id", "sku", "name", "quantity", "unit_price_cents"),
)

THIS_VERSION: Mapping[str, Form] = {
    form.relation: form for form in (USERS, CUSTOMERS, PRODUCTS, STOCK, ORDERS, LINES)
}


def of(relation: str) -> Form:
    """The form of a relation's rows in this version."""
    return THIS_VERSION[relation]

"""A product as a value. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain import forms
from app.domain.forms import Row
from app.domain.lww import Stamp


@dataclass(frozen=True, slots=True)
class Product:
    """What every branch sells, at `price_cents` in cents of BRL, as it was edited last (`stamp`). `beyond`
    are fields of later revisions (app.domain.forms)."""

    id: str
    sku: str
    name: str
    price_cents: int
    stamp: Stamp
    beyond: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Product":
        """The product of a canonical row."""
        return cls(
            id=row["id"],
            sku=row["sku"],
            name=row["name"],
            price_cents=row["price_cents"],
            stamp=Stamp.of_row(row),
            beyond=forms.of("products").beyond(row),
        )

    def as_json(self) -> Row:
        """The canonical row, for the wire and the digest."""
        return {
            "id": self.id,
            "sku": self.sku,
            "name": self.name,
            "price_cents": self.price_cents,
            **self.stamp.as_json(),
            **self.beyond,
        }

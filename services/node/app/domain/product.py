"""A product as a value. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.domain.lww import Stamp
from app.domain.records import Record


@dataclass(frozen=True, slots=True)
class NewProduct:
    """What people enter of a product. The sku is immutable; `price_cents` is in cents of BRL."""

    sku: str
    name: str
    price_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(NewProduct, Record):
    """What every branch sells, as it was edited last (`stamp`). `beyond` are fields of later revisions
    (app.domain.forms)."""

    relation: ClassVar[str] = "products"
    id: str
    stamp: Stamp
    beyond: Mapping[str, Any] = field(default_factory=dict)

"""A customer as a value. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.domain.lww import Stamp
from app.domain.records import Record


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """What people enter of a customer. The code is immutable."""

    code: str
    name: str
    contact: str | None = None
    email: str | None = None
    phone: str | None = None
    city: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer(NewCustomer, Record):
    """Who buys, as it was edited last (`stamp`). `beyond` are the fields of later revisions."""

    relation: ClassVar[str] = "customers"
    id: str
    stamp: Stamp
    beyond: Mapping[str, Any] = field(default_factory=dict)

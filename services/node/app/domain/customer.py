"""A customer as a value. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain import forms
from app.domain.forms import Row
from app.domain.lww import Stamp


@dataclass(frozen=True, slots=True)
class Customer:
    """Who buys, as it was edited last (`stamp`). `beyond` are the fields of later revisions."""

    id: str
    code: str
    name: str
    contact: str | None
    email: str | None
    phone: str | None
    city: str | None
    country: str | None
    stamp: Stamp
    beyond: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Customer":
        """The customer of a canonical row."""
        return cls(
            id=row["id"],
            code=row["code"],
            name=row["name"],
            contact=row["contact"],
            email=row["email"],
            phone=row["phone"],
            city=row["city"],
            country=row["country"],
            stamp=Stamp.of_row(row),
            beyond=forms.of("customers").beyond(row),
        )

    def as_json(self) -> Row:
        """The canonical row, for the wire and the digest."""
        return {
            "id": self.id,
            "code": self.code,
            "name": self.name,
            "contact": self.contact,
            "email": self.email,
            "phone": self.phone,
            "city": self.city,
            "country": self.country,
            **self.stamp.as_json(),
            **self.beyond,
        }

"""Customers."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas.base import (
    LEFT_OUT,
    Answer,
    Body,
    Key,
    Name,
    NoneIfBlank,
    Printable,
    changes_something,
    optional,
)
from app.state import text

# Enough to catch a slip of the finger; only sending a message proves an address.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

_EXAMPLE: dict[str, Any] = {
    "code": "ALFKI",
    "name": "Alfreds Futterkiste",
    "contact": "Maria Anders",
    "email": "maria@example.com",
    "phone": "+49 30 0074321",
    "city": "Berlin",
    "country": "Germany",
}


def _email_like(value: str) -> str:
    if value and not _EMAIL.fullmatch(value):
        raise PydanticCustomError("not_an_email", "The text is no e-mail address")
    return value


Contact = Annotated[str, optional(text.CONTACT), Printable, NoneIfBlank]
Email = Annotated[str, optional(text.EMAIL), Printable, AfterValidator(_email_like), NoneIfBlank]
Phone = Annotated[str, optional(text.PHONE), Printable, NoneIfBlank]
Place = Annotated[str, optional(text.PLACE), Printable, NoneIfBlank]


class Customer(Answer):
    """Somebody who buys."""

    id: str
    code: str
    name: str
    contact: str | None
    email: str | None
    phone: str | None
    city: str | None
    country: str | None


class NewCustomer(Body):
    """A customer to create. The code cannot be changed later; blank details are the same as none."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    code: Key
    name: Name
    contact: Contact | None = None
    email: Email | None = None
    phone: Phone | None = None
    city: Place | None = None
    country: Place | None = None


class CustomerChange(Body):
    """What to change of a customer: a field that is left out stays, a detail that is null is removed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"city": "Curitiba", "phone": None}]})

    name: Name = LEFT_OUT
    contact: Contact | None = None
    email: Email | None = None
    phone: Phone | None = None
    city: Place | None = None
    country: Place | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        changes_something(self)
        return self

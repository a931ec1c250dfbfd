"""Customers."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas.base import (
    LEFT_OUT,
    NEVER,
    NO_OR_SOME_TEXT,
    NULL,
    Answer,
    Body,
    Name,
    NewKey,
    NoneIfBlank,
    Printable,
    at_most,
    changes_something,
    described,
    optional,
    shows,
)
from app.domain import text

# Enough to catch a slip of the finger; only sending a message proves an address.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PART = rf"[^@\s{NEVER}]+"

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


Contact = Annotated[
    str, optional(text.CONTACT), Printable, NoneIfBlank, NO_OR_SOME_TEXT, at_most(text.CONTACT)
]
Email = Annotated[
    str,
    optional(text.EMAIL),
    Printable,
    AfterValidator(_email_like),
    NoneIfBlank,
    described(rf"({_PART}@{_PART})?"),
    at_most(text.EMAIL),
]
Phone = Annotated[str, optional(text.PHONE), Printable, NoneIfBlank, NO_OR_SOME_TEXT, at_most(text.PHONE)]
Place = Annotated[str, optional(text.PLACE), Printable, NoneIfBlank, NO_OR_SOME_TEXT, at_most(text.PLACE)]


class Customer(Answer):
    """Somebody who buys."""

    model_config = shows({"id": "5505cbfc-dda3-5b1d-b5d5-ba06d9db6d0e", **_EXAMPLE})

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

    code: NewKey
    name: Name
    contact: Contact | None = None
    email: Email | None = None
    phone: Phone | None = None
    city: Place | None = None
    country: Place | None = None


class CustomerChange(Body):
    """What to change of a customer: a field that is left out stays, a detail that is null is removed."""

    model_config = ConfigDict(
        json_schema_extra={"minProperties": 1, "examples": [{"city": "Curitiba", "phone": NULL}]}
    )

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

"""Products."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from app.api.schemas.base import LEFT_OUT, Answer, Body, Name, NewKey, Whole, changes_something, shows
from app.state.tables.products import MAX_PRICE_CENTS

PriceCents = Annotated[int, Field(ge=0, le=MAX_PRICE_CENTS, description="Cents of BRL."), Whole]


class Product(Answer):
    """Something every branch sells."""

    model_config = shows(
        {
            "id": "7f1d4b0c-51c8-5ac1-8e2f-0a1b2c3d4e5f",
            "sku": "CAFE-500",
            "name": "Café 500 g",
            "price_cents": 1890,
        }
    )

    id: str
    sku: str
    name: str
    price_cents: int


class NewProduct(Body):
    """A product to create. The sku cannot be changed later."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"sku": "CAFE-500", "name": "Café 500 g", "price_cents": 1890}]}
    )

    sku: NewKey
    name: Name
    price_cents: PriceCents


class ProductChange(Body):
    """What to change of a product; a field that is left out stays. Orders keep their prices."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "examples": [{"price_cents": 1990}]})

    name: Name = LEFT_OUT
    price_cents: PriceCents = LEFT_OUT

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        changes_something(self)
        return self

"""Orders."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.api.schemas.base import Answer, Body, Key, Note, Quantity
from app.domain.order import MAX_LINES


class WantedLine(Body):
    """How many of which product."""

    sku: Key
    quantity: Quantity


class NewOrder(Body):
    """An order to place: the customer by id or code; prices are the catalogue's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"customer": "ALFKI", "lines": [{"sku": "CAFE-500", "quantity": 2}], "note": "By noon"}
            ]
        }
    )

    customer: Key
    lines: Annotated[list[WantedLine], Field(min_length=1, max_length=MAX_LINES)]
    note: Note | None = None


class OrderCustomer(Answer):
    """Who bought."""

    id: str
    code: str
    name: str


class OrderLine(Answer):
    """A line with the product's name and price as sold."""

    sku: str
    name: str
    quantity: int
    unit_price_cents: int


class Order(Answer):
    """An order as its branch took it. `stored_by` names the other nodes known to have stored it durably;
    `possible_duplicates` the orders made elsewhere with the same user, key and body."""

    id: str
    number: str
    branch: str
    epoch: str
    status: Literal["placed", "cancelled"]
    customer: OrderCustomer
    lines: list[OrderLine]
    total_cents: int
    note: str | None
    version: int
    created_at: str
    stored_by: list[str]
    possible_duplicates: list[str]

"""Orders."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.api.schemas.base import Answer, Body, Key, Note, Quantity, shows
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

    model_config = shows(
        {
            "id": "01a20acc-9a14-7540-9da5-e425fd41dda8",
            "number": "MATRIZ-5B16-000001",
            "branch": "matriz",
            "epoch": "5b16613c32a08ea89d4f20d4e32bb794",
            "status": "placed",
            "customer": {
                "id": "5505cbfc-dda3-5b1d-b5d5-ba06d9db6d0e",
                "code": "ALFKI",
                "name": "Alfreds Futterkiste",
            },
            "lines": [{"sku": "CAFE-500", "name": "Café 500 g", "quantity": 2, "unit_price_cents": 1890}],
            "total_cents": 3780,
            "note": "By noon",
            "version": 1,
            "created_at": "2026-11-23T22:01:00.250000+00:00",
            "stored_by": ["filial-norte", "filial-sul"],
            "possible_duplicates": [],
        }
    )

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

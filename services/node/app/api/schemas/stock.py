"""Stock: what is there, and movements other than sales."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.api.schemas.base import Answer, Body, Key, Reason, Whole, shows
from app.domain.life import Life
from app.domain.order import MAX_QUANTITY


def _not_zero(quantity: int) -> int:
    if quantity == 0:
        raise PydanticCustomError("zero", "The quantity is 0")
    return quantity


class Adjustment(Body):
    """Units received (above 0) or removed (below 0) at this branch, and how received ones are shared: in
    equal parts among the branches heard from lately, kept here, or by what each sold."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"sku": "CAFE-500", "quantity": 120, "reason": "Delivery 4711", "share": "equal"},
                {"sku": "CAFE-500", "quantity": -2, "reason": "Broken bags"},
            ]
        }
    )

    sku: Key
    quantity: Annotated[
        int,
        Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY, json_schema_extra={"not": {"const": 0}}),
        AfterValidator(_not_zero),
        Whole,
    ]
    reason: Reason
    share: Literal["equal", "keep", "demand"] = "equal"


class Count(Body):
    """A stock count of a product. `gone` is how many units left the shelf unseen from all branches that lost
    their disk, together; what a wrong number releases can be sold twice."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"gone": 3}]})

    gone: Annotated[int, Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY), Whole]


def _by_key(granted: Mapping[Life, int]) -> dict[str, int]:
    return {life.key: quantity for life, quantity in granted.items()}


class StockRow(Answer):
    """What one life of one branch's disk has written about a product. Every number only grows. `granted` is
    what it gave to others so far: `{"peer@epoch": quantity}`."""

    branch: str
    epoch: str
    received: int
    returned: int
    returned_frozen: int
    recovered: int
    written_off: int
    sold: int
    removed: int
    granted: Annotated[dict[str, int], BeforeValidator(_by_key)]
    version: int


class Deficit(Answer):
    """Units of an order that the company has sold but does not have."""

    order: str = Field(validation_alias="order_id")
    branch: str
    quantity: int


class Stock(Answer):
    """A product's stock as this node knows it. `available` and `frozen` are the company's, `here` is what
    this branch may sell without asking, `oversold` is above 0 only under the optimistic policy;
    `deficits` then names the last orders, which are short of units (of fewer than `oversold` where removals
    took what was not there). `hearsay` names the rows (`branch@epoch`) that are here as another branch told
    them, while their own could not be asked; its next word replaces them."""

    model_config = shows(
        {
            "id": "7f1d4b0c-51c8-5ac1-8e2f-0a1b2c3d4e5f",
            "sku": "CAFE-500",
            "available": 118,
            "frozen": 0,
            "here": 38,
            "oversold": 0,
            "deficits": [],
            "rows": [
                {
                    "branch": "matriz",
                    "epoch": "5b16613c32a08ea89d4f20d4e32bb794",
                    "received": 120,
                    "returned": 0,
                    "returned_frozen": 0,
                    "recovered": 0,
                    "written_off": 0,
                    "sold": 2,
                    "removed": 0,
                    "granted": {
                        "filial-norte@c1d3b8a45f6e4d0b9a7c2e8f10364b52": 40,
                        "filial-sul@0f8e7d6c5b4a39281706f5e4d3c2b1a0": 40,
                    },
                    "version": 4,
                }
            ],
            "hearsay": [],
        }
    )

    id: str
    sku: str
    available: int
    frozen: int
    here: int
    oversold: int
    deficits: list[Deficit]
    rows: list[StockRow]
    hearsay: list[str]

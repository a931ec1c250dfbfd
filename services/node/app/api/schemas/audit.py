"""The audit."""

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from app.api.pagination import PageQuery
from app.api.schemas.base import Answer, shows
from app.domain import text

_LONGEST_ENTRY_NUMBER = 18  # digits: fits SQLite's 64-bit integer

_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:")


def _written_as_time(value: object) -> object:
    # By itself pydantic would take a bare number for seconds since 1970.
    if isinstance(value, str) and not _A_TIME.match(value):
        raise PydanticCustomError("not_a_time", "The text is no time")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_written_as_time)]
Filter = Annotated[str, Field(min_length=1, max_length=text.KEY)]


class AuditQuery(PageQuery):
    """Which entries to show. `user` is a username, a user's id, or a node's name for what replication did."""

    entity: Filter | None = None
    entity_id: Annotated[str, Field(min_length=1, max_length=text.NAME)] | None = None
    action: Filter | None = None
    user: Filter | None = None
    since: Time | None = None
    until: Time | None = None

    @field_validator("after")
    @classmethod
    def _is_entry_number(cls, key: str | None) -> str | None:
        if key is not None and not (key.isdecimal() and len(key) <= _LONGEST_ENTRY_NUMBER):
            raise PydanticCustomError("bad_cursor", "The text is no cursor of this list")
        return key


class AuditEntry(Answer):
    """Who did what, in whose name (`actor_name`), before and after. `version` is the entity's after it."""

    model_config = shows(
        {
            "id": 17,
            "at": "2026-11-23T22:01:00.250000+00:00",
            "actor": "94adc724-d295-5ec4-bf82-2726eac972e6",
            "actor_name": "ana",
            "action": "updated",
            "entity": "product",
            "entity_id": "7f1d4b0c-51c8-5ac1-8e2f-0a1b2c3d4e5f",
            "before": {"sku": "CAFE-500", "name": "Café 500 g", "price_cents": 1890},
            "after": {"sku": "CAFE-500", "name": "Café 500 g", "price_cents": 1990},
            "origin": "matriz",
            "epoch": "5b16613c32a08ea89d4f20d4e32bb794",
            "version": 2,
            "request_id": "0f0e0d0c0b0a09080706050403020100",
        }
    )

    id: int
    at: str
    actor: str
    actor_name: str | None
    action: str
    entity: str
    entity_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    origin: str
    epoch: str
    version: int
    request_id: str

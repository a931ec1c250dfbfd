"""The audit."""

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from app.api.pagination import PageQuery
from app.api.schemas.base import Answer
from app.domain import text

_LONGEST_ENTRY_NUMBER = 18  # digits: fits SQLite's 64-bit integer

_A_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:")


def _written_as_time(value: Any) -> Any:
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

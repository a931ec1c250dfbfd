"""The audit."""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, field_validator
from pydantic_core import PydanticCustomError

from app.api.pagination import PageQuery
from app.api.schemas.base import Answer
from app.state import text

_LONGEST_ENTRY_NUMBER = 18  # digits: fits SQLite's 64-bit integer

Filter = Annotated[str, Field(min_length=1, max_length=text.KEY)]


class AuditQuery(PageQuery):
    """Which entries to show. `user` is a username, a user's id, or a node's name for what replication did."""

    entity: Filter | None = None
    entity_id: Annotated[str, Field(min_length=1, max_length=text.NAME)] | None = None
    action: Filter | None = None
    user: Filter | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

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

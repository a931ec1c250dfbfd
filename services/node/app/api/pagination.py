"""Lists by cursor: `?after=CURSOR&limit=N` answers `{items, next}`."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

P = TypeVar("P", bound=BaseModel)

DEFAULT_LIMIT = 100
MOST = 500
_LONGEST_CURSOR = 200


def encode_cursor(key: str) -> str:
    """The opaque cursor of the entry with this key."""
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """The key a cursor stands for. Raises a validation error for what no list gave out."""
    try:
        key = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key.isprintable() or encode_cursor(key) != cursor or not key:
        raise PydanticCustomError("bad_cursor", "The text is no cursor of this list")
    return key


class PageQuery(BaseModel):
    """Where a page begins and how long it is. Unknown query parameters are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: (
        Annotated[
            str,
            Field(
                max_length=_LONGEST_CURSOR,
                description="`next` of the page before.",
                json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
            ),
            AfterValidator(decode_cursor),
        ]
        | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = DEFAULT_LIMIT


def as_page(page: type[P], found: Sequence[Mapping[str, Any]], limit: int, *, key: str = "id") -> P:
    """The page of `found`, which was read with `limit + 1`: the entry too many tells that there is more. The
    cursor is the last entry's `key`."""
    items = found[:limit]
    following = encode_cursor(str(items[-1][key])) if len(found) > limit else None
    return page.model_validate({"items": items, "next": following})

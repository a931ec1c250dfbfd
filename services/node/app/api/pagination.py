"""Lists by cursor: `?after=CURSOR&limit=N` answers `{items, next}`."""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

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
    """Where a page begins and how long it is."""

    model_config = ConfigDict(frozen=True)

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


_PLAIN = re.compile(rb"limit=([1-9][0-9]{0,2})(?:&after=([A-Za-z0-9_-]{1,%d}))?" % _LONGEST_CURSOR)


def plain_page(query: bytes) -> PageQuery | None:
    """The page that a plain query asks for: none, or a limit and then perhaps a cursor. None for every other,
    which may ask for a page all the same."""
    if not query:
        return PageQuery()
    found = _PLAIN.fullmatch(query)
    if found is None:
        return None
    after = None if found[2] is None else found[2].decode()
    try:
        return PageQuery(after=after, limit=int(found[1]))
    except ValidationError:
        return None

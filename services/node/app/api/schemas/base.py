"""What all shapes share: strictness, and texts that are stripped, bounded and made of visible characters."""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from app.domain import characters, text, times
from app.domain.order import MAX_QUANTITY

Item = TypeVar("Item")


class Body(BaseModel):
    """A request's body. Unknown fields are refused; a number must be a number, not a text or a boolean."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """A part of a response: made of a value by the names of its attributes."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


NULL = "\0null"
"""Stands for null in an example. FastAPI would drop it from the document; `app.api.document` puts it in."""


def shows(example: dict[str, Any]) -> ConfigDict:
    """What a shape looks like with real values, for the document."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Page(Answer, Generic[Item]):
    """One page of a list. `next` is the cursor for `?after=`, null on the last page."""

    items: list[Item]
    next: str | None = Field(examples=["MDFhMjBhY2MtOWU0MS03NmExLTg5YjUtNGI3ZmYwMzJkMThk"])

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`OrderPage`, not `Page[Order]`: a name that programs made of the document can use."""
        return f"{params[0].__name__}Page"


# Length and blankness are the field's own constraints; what is left is what kind of characters it has.
def _storable(value: str) -> str:
    if reason := text.fault(value or "-", longest=len(value) + 1):
        raise PydanticCustomError(reason, "The text cannot be stored: {reason}", {"reason": reason})
    return value


def _entered(fault: Callable[[str], characters.Fault | None]) -> AfterValidator:
    def check(value: str) -> str:
        if value and (found := fault(value)):
            values = {"reason": found.reason, "character": found.character}
            raise PydanticCustomError(found.reason, "The text is refused: {reason} {character}", values)
        return value

    return AfterValidator(check)


def _none_if_blank(value: str) -> str | None:
    return value or None


def changes_something(model: BaseModel) -> None:
    """Raise for a change without content. For use in a model's validator."""
    if not model.model_dump(exclude_unset=True):
        raise PydanticCustomError("nothing_to_change", "The change names nothing")


# What OpenAPI can say of a text. Nothing is refused for them: the node says more exactly what is wrong.
# Patterns name no character beyond U+FFFF, which not all who read them understand.
NEVER = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff"
)
"""What no text that people enter has (app.domain.characters)."""

_SOMETIMES = r"\u180b-\u180f\u200c\u200d\ufe00-\ufe0f"  # joiners and selectors: never first, never in keys
_NOT_IN_KEYS = rf"{NEVER}{_SOMETIMES}\u2800\ue000-\uf8ff"


def _text(never: str, first: str = "") -> str:
    return rf"[^\s{never}{first}]([^{never}]*[^\s{never}])?"


_REFERENCE = _text(r"\x00-\x1f\x7f-\x9f")
_KEY = _text(_NOT_IN_KEYS)
_TEXT = _text(NEVER, _SOMETIMES)


def described(pattern: str) -> FieldInfo:
    """A text's form around which blanks do not count, for the document."""
    made: FieldInfo = Field(json_schema_extra={"pattern": rf"^\s*{pattern}\s*$"})
    return made


SOME_REFERENCE = described(_REFERENCE)
SOME_KEY = described(_KEY)
SOME_TEXT = described(_TEXT)
NO_OR_SOME_TEXT = described(rf"({_TEXT})?")


def required(longest: int) -> StringConstraints:
    """Constraints of a text that must be there."""
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


def at_most(longest: int) -> BeforeValidator:
    """A limit to the text as it was sent: blanks around it count, as they do for who reads the document."""

    def check(value: object) -> object:
        if isinstance(value, str) and len(value) > longest:
            raise PydanticCustomError("string_too_long", "The text is too long", {"max_length": longest})
        return value

    return BeforeValidator(check)


def optional(longest: int) -> StringConstraints:
    """Constraints of a text that may be left out; blank is the same as null."""
    return StringConstraints(strip_whitespace=True, max_length=longest)


Storable = AfterValidator(_storable)
PrintableKey = _entered(characters.key_fault)
Printable = _entered(characters.name_fault)
LEFT_OUT: Any = None
"""Default of a field that may be left out of a change but not be null. Nobody reads it: only fields that
were sent are written."""

NoneIfBlank = AfterValidator(_none_if_blank)

Key = Annotated[str, required(text.KEY), Storable, SOME_REFERENCE, at_most(text.KEY)]
"""What names a product or a customer that is there: its sku or code, or its id. An older version may have
stored a key that none would take as new."""

NewKey = Annotated[str, required(text.KEY), PrintableKey, SOME_KEY, at_most(text.KEY)]
"""A new sku, customer code or username."""

Name = Annotated[str, required(text.NAME), Printable, SOME_TEXT, at_most(text.NAME)]
Reason = Annotated[str, required(text.REASON), Printable, SOME_TEXT, at_most(text.REASON)]
Note = Annotated[str, optional(text.NOTE), Printable, NoneIfBlank, NO_OR_SOME_TEXT, at_most(text.NOTE)]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: object) -> object:
    return times.shown(value) if isinstance(value, int | float) else value


Time = Annotated[str, BeforeValidator(_shown), Field(examples=["2026-11-23T22:01:00.250000+00:00"])]
"""Seconds since 1970 as clients see them: in ISO 8601."""

Whole = BeforeValidator(_whole)
"""JSON has one kind of number: to it, and to the document, 2.0 is an integer."""

Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY), Whole]

"""What all shapes share: strictness, and texts that are stripped, bounded and printable."""

from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.domain import text
from app.domain.order import MAX_QUANTITY

Item = TypeVar("Item")


class Body(BaseModel):
    """A request's body. Unknown fields are refused; a number must be a number, not a text or a boolean."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """A part of a response."""

    model_config = ConfigDict(frozen=True)


class Page(Answer, Generic[Item]):
    """One page of a list. `next` is the cursor for `?after=`, null on the last page."""

    items: list[Item]
    next: str | None


def _printable(value: str) -> str:
    # Length and blankness are the field's own constraints; what is left is what kind of characters it has.
    if reason := text.fault(value or "-", longest=len(value) + 1):
        raise PydanticCustomError(reason, "The text cannot be stored: {reason}", {"reason": reason})
    return value


def _none_if_blank(value: str) -> str | None:
    return value or None


def changes_something(model: BaseModel) -> None:
    """Raise for a change without content. For use in a model's validator."""
    if not model.model_dump(exclude_unset=True):
        raise PydanticCustomError("nothing_to_change", "The change names nothing")


# What OpenAPI can say of a text. Nothing is refused for them: the node says more exactly what is wrong.
_VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f]"
_INSIDE = r"[^\x00-\x1f\x7f-\x9f]*"
_TEXT = rf"{_VISIBLE}({_INSIDE}{_VISIBLE})?"


def described(pattern: str) -> Any:
    """A text's form around which blanks do not count, for the document."""
    return Field(json_schema_extra={"pattern": rf"^\s*{pattern}\s*$"})


SOME_TEXT = described(_TEXT)
NO_OR_SOME_TEXT = described(rf"({_TEXT})?")


def required(longest: int) -> Any:
    """Constraints of a text that must be there."""
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


def at_most(longest: int) -> Any:
    """A limit to the text as it was sent: blanks around it count, as they do for who reads the document."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and len(value) > longest:
            raise PydanticCustomError("string_too_long", "The text is too long", {"max_length": longest})
        return value

    return BeforeValidator(check)


def optional(longest: int) -> Any:
    """Constraints of a text that may be left out; blank is the same as null."""
    return StringConstraints(strip_whitespace=True, max_length=longest)


Printable = AfterValidator(_printable)
LEFT_OUT: Any = None
"""Default of a field that may be left out of a change but not be null. Nobody reads it: only fields that
were sent are written."""

NoneIfBlank = AfterValidator(_none_if_blank)

Key = Annotated[str, required(text.KEY), Printable, SOME_TEXT, at_most(text.KEY)]
"""A sku, a customer code, a username: or an id in its place."""

Name = Annotated[str, required(text.NAME), Printable, SOME_TEXT, at_most(text.NAME)]
Reason = Annotated[str, required(text.REASON), Printable, SOME_TEXT, at_most(text.REASON)]
Note = Annotated[str, optional(text.NOTE), Printable, NoneIfBlank, NO_OR_SOME_TEXT, at_most(text.NOTE)]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
"""JSON has one kind of number: to it, and to the document, 2.0 is an integer."""

Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY), Whole]

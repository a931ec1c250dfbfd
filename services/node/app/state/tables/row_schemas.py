"""The rules of rows in the form of pydantic's core, which checks them many times faster.

What it takes is certainly well formed, but for the characters of its texts; what it does not take needs a
closer look.
"""

from pydantic_core import CoreSchema, core_schema

from app.domain.bounds import LATEST_SECONDS
from app.domain.row_checks import Natural, OneOf, Rule, Rules, Seconds, Text
from app.state.tables.order_rows import PLAIN_SECONDS


def _schema_of(rule: Rule) -> CoreSchema:
    """A rule in the form of pydantic's core, which checks it many times faster. It does not look at the
    characters of a text, and accepts only times that every encoder writes alike."""
    match rule:
        case Text(longest=longest, optional=optional):
            words = core_schema.str_schema(min_length=1, max_length=longest, strict=True)
            return core_schema.nullable_schema(words) if optional else words
        case Natural(least=least, most=most):
            return core_schema.int_schema(ge=least, le=most, strict=True)
        case Seconds():
            return core_schema.float_schema(
                ge=PLAIN_SECONDS[0], lt=min(PLAIN_SECONDS[1], LATEST_SECONDS), allow_inf_nan=False
            )
        case OneOf(words=known):
            return core_schema.literal_schema(list(known))


def object_of(rules: Rules, **more: CoreSchema) -> CoreSchema:
    """An object with exactly these fields."""
    schemas = {**{name: _schema_of(rule) for name, rule in rules.items()}, **more}
    fields = {name: core_schema.typed_dict_field(schema) for name, schema in schemas.items()}
    return core_schema.typed_dict_schema(fields, extra_behavior="forbid", strict=True)

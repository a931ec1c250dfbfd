"""Cells of stock as they come from peers."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from pydantic_core import SchemaValidator, core_schema

from app.domain import bounds, forms, text
from app.domain.errors import BeyondBounds, Invalid
from app.domain.forms import COUNTS
from app.domain.life import Life
from app.domain.row_checks import Fields, Natural, Rules, Text
from app.domain.stock import Cell
from app.state.tables.row_schemas import object_of

_TEXTS = ("product_id", "branch", "epoch")
_RULES: Rules = {
    **dict.fromkeys(_TEXTS, Text(text.KEY)),
    **dict.fromkeys(COUNTS, Natural()),
    "version": Natural(least=1),
}
_PLAIN = SchemaValidator(object_of(_RULES, granted=core_schema.dict_schema(max_length=0, strict=True)))
_texts_of = itemgetter(*_TEXTS)
_values_of = itemgetter(*_TEXTS, *COUNTS, "version")


def cell_from_json(body: Any) -> Cell:
    """A cell from the wire. Raises Invalid for anything that no node could have written."""
    if _PLAIN.isinstance_python(body):
        texts = "".join(_texts_of(body))
        if texts.isprintable() and " " not in texts:
            return Cell(*_values_of(body))
    return _checked(body)


def _checked(body: object) -> Cell:
    """The same, field by field: it says what is wrong."""
    form = forms.of("stock")
    fields = Fields("stock", body, (*form.columns, "granted"))
    granted_to = fields.row["granted"]
    if isinstance(granted_to, Mapping) and len(granted_to) > bounds.MOST_GRANTS:
        raise BeyondBounds("granted", "too_many")
    granted: dict[Life, int] = {}
    for name, quantity in fields.naturals("granted").items():
        life = Life.parse(name)
        if not (life.branch and life.epoch and quantity):
            raise Invalid("granted", "malformed_grant")
        granted[life] = quantity
    version = fields.natural("version")
    if version < 1:
        raise Invalid("version", "out_of_range")
    product_id, branch, epoch = (
        fields.text(name, longest=text.KEY) for name in ("product_id", "branch", "epoch")
    )
    counts = {name: fields.natural(name) for name in COUNTS}
    beyond = form.checked_beyond({name: value for name, value in fields.row.items() if name != "granted"})
    return Cell(
        product_id=product_id,
        branch=branch,
        epoch=epoch,
        version=version,
        granted=granted,
        beyond=beyond,
        **counts,
    )

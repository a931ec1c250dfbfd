"""Writes down the form of every replicated row, as `test_forms.py` compares it with the code.

    PYTHONPATH=services/node .venv/bin/python -m tests.database.keep_forms

Run it after `keep_schema`, in the commit that changes a form. A form that changed under the revision it had
is not written down: raise the revision (`app/domain/forms.py`).
"""

import json
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from app.database import local_tables, tables  # noqa: F401  (fill SQLModel.metadata)
from app.database.digest import canonical
from app.database.migrations import migrate
from app.domain import forms
from app.domain.errors import Invalid
from app.domain.forms import Added, Form
from app.state.registry import replicated
from app.state.registry.canonical_forms import FORMS
from app.sync.wire.kinds import KINDS, Kind
from tests.database.keep_schema import SCHEMAS

KEPT = Path(__file__).parent / "forms.json"
LOCAL = {"orders": ("announced", "seq", "donor"), "order_lines": ("order_id",)}
"""Columns of replicated tables that only this node's own rows say: they are in no form."""

_VALUES: tuple[Any, ...] = ("a text", 7)

Kept = dict[str, Any]


def read() -> Kept:
    """What is kept: forms by relation and revision, and the kinds' layouts."""
    return dict(json.loads(KEPT.read_text(encoding="utf-8"))) if KEPT.exists() else {"forms": {}, "kinds": {}}


def described(form: Form, example: Mapping[str, Any]) -> Kept:
    """A form as it is now: its table, its fields, and what becomes of one row, told in it."""
    row = {**example, **{field.name: value_of(field) for field in form.added}}
    entity = replicated.find(form.relation)
    encoded = entity.encode(row) if entity else canonical(row)
    return {
        "table": _columns(form),
        "fields": list(form.columns),
        "added": {field.name: field.default for field in form.added},
        "example": row,
        "sha256": sha256(encoded).hexdigest(),
        "seal": entity.seal(row) if entity else None,
    }


def value_of(field: Added) -> Any:
    """A value that the field may have, and that is not its default."""
    for value in _VALUES:
        try:
            field.rule.check(field.name, value)
        except Invalid:
            continue
        if value != field.default:
            return value
    raise AssertionError(f"none of {_VALUES} fits {field.name}: add one that does")


def layout(kind: Kind) -> Any:
    """The body of a kind, with the name of a relation wherever a row of it stands."""
    rows: dict[str, list[Any]] = {relation: [relation] for relation in replicated.relations()}
    return {"body": kind.pack(rows), "coalesces": kind.coalesces, "covers": list(kind.covers)}


def first_example(relation: str) -> Kept:
    """A row of the newest kept disk, as it is told. Raises SystemExit where it has none."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "node.db"
        with closing(sqlite3.connect(path)) as made:
            made.executescript(max(SCHEMAS.glob("*.sql")).read_text(encoding="utf-8"))
        migrate(path, forms=FORMS)
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            entity = replicated.get("orders" if relation == "order_lines" else relation)
            found = [stored.row for stored in entity.every(connection) if stored.row is not None]
    if not found:
        raise SystemExit(f"the newest kept disk has no row of {relation}: let keep_schema write one")
    plain = min(found, key=len)  # without fields of newer versions
    return dict(plain["lines"][0] if relation == "order_lines" else plain)


def main() -> None:
    """Add to `forms.json` what is new: a revision, a relation, a kind. Exits with a line for what changed."""
    kept = read()
    for form in forms.THIS_VERSION.values():
        revisions = kept["forms"].setdefault(form.relation, {})
        revision = str(form.revision)
        earlier = revisions.get(revision) or (revisions and revisions[max(revisions, key=int)])
        now = described(form, earlier["example"] if earlier else first_example(form.relation))
        if revisions.setdefault(revision, now) != now:
            sys.exit(f"the form of {form.relation} changed and is still revision {revision}: raise it")
    for name, kind in KINDS.items():
        if kept["kinds"].setdefault(name, layout(kind)) != layout(kind):
            sys.exit(f"the layout of {name} changed: a kind keeps its layout, so write a new kind")
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _columns(form: Form) -> dict[str, str]:
    """A table's replicated columns with their types, and those of the table that holds a cell's grants."""
    names = [form.relation, *(["stock_grants"] if form.relation == "stock" else [])]
    found = {}
    for name in names:
        for column in SQLModel.metadata.tables[name].columns:
            if column.name not in LOCAL.get(name, ()):
                null = "" if column.nullable else " NOT NULL"
                key = column.name if name == form.relation else f"{name}.{column.name}"
                found[key] = f"{column.type}{null}{' KEY' if column.primary_key else ''}"
    return found


if __name__ == "__main__":
    main()

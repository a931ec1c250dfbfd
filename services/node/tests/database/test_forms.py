"""The forms of replicated rows are those that were written down: whoever changes one raises its revision, so
that disks and peers of the version before it are met as what they are."""

import sqlite3
from itertools import pairwise
from typing import Any

import pytest
from sqlmodel import SQLModel

from app.database import own_rows
from app.database.digest import canonical
from app.domain import forms
from app.domain.forms import Form
from app.state.registry import replicated
from app.sync.wire.kinds import KINDS
from app.sync.wire.merging import apply_rows
from tests.database.keep_forms import KEPT, LOCAL, described, layout, read
from tests.support.branch import Branches

FORMS = tuple(forms.THIS_VERSION.values())
kept = read()
HINT = "raise its revision, then `python -m tests.database.keep_forms`"
EXAMPLES = [
    (relation, int(revision), written["example"])
    for relation, revisions in kept["forms"].items()
    for revision, written in revisions.items()
    if relation != "order_lines"
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.relation)
def test_a_form_is_what_was_written_down_of_its_revision(form: Form) -> None:
    written = kept["forms"].get(form.relation, {}).get(str(form.revision))
    assert written is not None, f"{form.relation} {form.revision} is not in {KEPT.name}: {HINT}"
    assert described(form, written["example"]) == written, f"{form.relation} changed: {HINT}"


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.relation)
def test_a_revision_only_adds_to_the_one_before(form: Form) -> None:
    """So that a row of either is read by both."""
    revisions = [kept["forms"][form.relation][str(number)] for number in range(1, form.revision + 1)]
    for before, after in pairwise(revisions):
        assert before["fields"] == after["fields"]
        assert before["added"].items() <= after["added"].items()
        assert before["table"].items() <= after["table"].items()
        assert before != after


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.relation)
def test_every_column_of_a_replicated_table_is_in_its_form(form: Form) -> None:
    columns = {column.name for column in SQLModel.metadata.tables[form.relation].columns}
    sealed = {"checksum"} if form.relation != "order_lines" else set()
    assert columns == {*form.selected, *sealed, *LOCAL.get(form.relation, ())}


def test_every_replicated_table_has_a_form_and_every_form_an_entity() -> None:
    sealed = {name for name, table in SQLModel.metadata.tables.items() if "checksum" in table.columns}
    with_seals = sealed - own_rows.COLUMNS.keys()
    assert with_seals | {"order_lines"} == set(forms.THIS_VERSION)
    assert with_seals == set(replicated.relations())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.relation)
def test_a_column_has_its_wire_default_in_the_table_too(form: Form, schema: sqlite3.Connection) -> None:
    """A row that is written without it says then what a version without it means."""
    rows = schema.execute(f"PRAGMA table_info({form.relation})").fetchall()
    defaults = {row[1]: row[4] for row in rows}
    for field in form.added:
        (value,) = schema.execute(f"SELECT {defaults[field.name] or 'NULL'}").fetchone()
        assert value == field.default, f"{form.relation}.{field.name}"


@pytest.mark.parametrize("name", sorted({*KINDS, *kept["kinds"]}))
def test_a_kind_has_the_layout_that_was_written_down(name: str) -> None:
    """A kind that is told no more stays readable: events of it lie in older nodes' logs."""
    assert name in KINDS, f"{name} was taken away"
    assert name in kept["kinds"], f"{name} is not in {KEPT.name}: run `python -m tests.database.keep_forms`"
    assert layout(KINDS[name]) == kept["kinds"][name]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_kind_reads_what_it_wrote(name: str) -> None:
    rows: dict[str, list[Any]] = {relation: [relation] for relation in replicated.relations()}
    kind = KINDS[name]
    found = kind.unpack(kind.pack(rows))
    assert {relation: told for relation, told in found.items() if told}.items() <= rows.items()


@pytest.mark.parametrize(("relation", "revision", "row"), EXAMPLES, ids=lambda value: str(value)[:12])
def test_a_row_of_every_revision_so_far_is_taken_and_stands_as_it_was_told(
    branches: Branches, relation: str, revision: int, row: dict[str, Any]
) -> None:
    filial = branches.make("filial")
    filial.connection.execute("PRAGMA foreign_keys = OFF")  # what it refers to is not here
    origin = str(row.get("branch", "matriz"))
    filial.do(lambda tx: apply_rows(tx, {relation: [row]}, origin, {relation: revision}))
    assert canonical(row) in {canonical(stored) for stored in filial.rows()[relation].values()}

"""Networks that are upgraded while they are used, and taken back: rows hold more, and nothing is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from app.database.migrations import migrate, newest_revision
from app.domain import forms
from app.domain.errors import Invalid
from app.state.registry import replicated
from app.state.registry.canonical_forms import FORMS
from app.sync.wire import kinds
from tests.simulation.history import play
from tests.simulation.machines import next_rows, versions
from tests.simulation.plan import GO_BACK, UPGRADE, draw
from tests.simulation.result import Result

UPGRADED = [seed for seed in range(400) if UPGRADE in draw(seed).faults and len(draw(seed).nodes) < 4]
WIPED = [seed for seed in range(400) if UPGRADE in draw(seed, wipes=True).faults]


def played(seeds: list[int], template: Path, *faults: str, wipes: bool = False) -> tuple[int, Result]:
    """The first history of these in which such faults happened; every one keeps every promise."""
    for seed in seeds:
        if set(faults) <= {*draw(seed, wipes=wipes).faults}:
            result = play(seed, template=template, wipes=wipes)
            assert result.violations == []
            if all(result.faults.get(fault) for fault in faults):
                return seed, result
    raise AssertionError(f"none of these seeds has {faults}")


@pytest.mark.parametrize("breaks", [False, True])
def test_a_history_in_which_branches_are_upgraded_keeps_every_promise(template: Path, breaks: bool) -> None:
    """Whether or not the next version has a protocol version in common with this one."""
    played([seed for seed in UPGRADED if draw(seed).breaks == breaks], template, UPGRADE)


def test_a_history_in_which_an_upgrade_is_taken_back_keeps_every_promise(template: Path) -> None:
    played(UPGRADED, template, UPGRADE, GO_BACK)


def test_upgrades_and_lost_disks_together_keep_every_promise(template: Path) -> None:
    played(WIPED, template, UPGRADE, "wipe", wipes=True)


def test_the_same_seed_is_the_same_history(template: Path) -> None:
    seed, result = played(UPGRADED, template, UPGRADE, GO_BACK)
    assert play(seed, template=template).digest == result.digest


def test_a_tenth_of_all_histories_are_upgraded_with_lost_disks_and_without() -> None:
    for wipes in (False, True):
        faults = [draw(seed, wipes=wipes).faults for seed in range(1000)]
        assert 80 <= sum(UPGRADE in one for one in faults) <= 130
        assert 30 <= sum(GO_BACK in one for one in faults) <= 80
        assert all(UPGRADE in one for one in faults if GO_BACK in one)


def test_a_way_back_that_forgets_what_a_column_said_is_noticed(template: Path) -> None:
    """The observer is not blind: a row that lost a field is not what was written."""
    forgetful = tuple(statement for statement in next_rows.DOWN if "json_set" not in statement)
    assert forgetful != next_rows.DOWN
    with mock.patch.object(next_rows, "DOWN", forgetful):
        seeds = [seed for seed in UPGRADED if GO_BACK in draw(seed).faults]
        found = (play(seed, template=template).violations for seed in seeds)
        assert any(found)


def test_a_version_that_parks_what_it_does_not_know_is_noticed(template: Path) -> None:
    def refuse(*_: object) -> None:
        raise Invalid("kind", "unknown_to_this_version")

    with mock.patch.object(kinds, "apply_unknown", refuse):
        seeds = [seed for seed in UPGRADED if "poison" not in draw(seed).faults]
        found = (violation for seed in seeds for violation in play(seed, template=template).violations)
        assert next(found).promise == "parked"


def test_the_next_version_has_one_field_more_on_each_entity_one_entity_and_one_kind_more() -> None:
    assert {*next_rows.FORMS} == {*replicated.relations(), "order_lines", next_rows.SUPPLIERS}
    for relation, form in next_rows.FORMS.items():
        this = forms.THIS_VERSION.get(relation, form)
        assert len(form.added) == len(this.added) + (relation != next_rows.SUPPLIERS)
    assert set(next_rows.KINDS) == {"supplier_upserted", next_rows.REPRICED}


def test_the_next_version_says_how_its_file_is_opened_by_this_one(tmp_path: Path, template: Path) -> None:
    path = tmp_path / "node.db"
    path.write_bytes(template.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    versions._upgrade(path, FORMS, lambda _relation, _rows: None)
    with closing(sqlite3.connect(path)) as connection:
        (upgraded,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()

    migrate(path, forms=FORMS)

    with closing(sqlite3.connect(path)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        after = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    assert (upgraded, revision) == (versions.NEXT_SCHEMA, newest_revision())
    assert [name for name, _ in after] == [name for name, _ in before]

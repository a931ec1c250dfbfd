"""The job that plants bugs tells a caught one from one that survived, and both from its own mistakes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest import mock

import pytest
import typer

from app.database.migrations import migrate
from app.domain import stock
from app.state.registry.canonical_forms import FORMS
from tests.recovery.trial import Trial
from tests.support.branch import Branches
from tests.teeth import __main__ as job
from tests.teeth import catching
from tests.teeth.bug import Bug, Catcher, Directed, Simulated
from tests.teeth.bugs import BUGS
from tests.teeth.catching import catch
from tests.teeth.stage import BadPlant

FEWEST = 36


def rights_are_spent(branches: Branches) -> None:
    matriz = branches.make("matriz")
    matriz.customer("ALFKI")
    rice = matriz.product("rice")
    matriz.adjust("rice", 5)
    matriz.place("ALFKI", ("rice", 2))
    assert matriz.rights(rice) == 3


async def founded_in_vain(trial: Trial) -> None:
    await trial.found("matriz", "sul")
    await trial.receive("matriz", 5)
    raise AssertionError("fails without a bug, too")


@contextmanager
def _no_rights() -> Iterator[None]:
    with mock.patch.object(stock, "own_rights", return_value=7):
        yield


@contextmanager
def _moved() -> Iterator[None]:
    with mock.patch.object(stock, "rights_of_old", return_value=7):
        yield


@contextmanager
def _broken() -> Iterator[None]:
    with mock.patch.object(stock, "rights_of", side_effect=TypeError("no such argument")):
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teeth") / "template.db"
    migrate(path, forms=FORMS)
    return path


def test_there_are_enough_bugs_and_each_says_what_it_does() -> None:
    assert len(BUGS) >= FEWEST
    assert [name for name, bug in BUGS.items() if not bug.plant.__doc__ or not bug.breaks] == []


def test_the_bugs_that_such_systems_are_known_for_are_among_them() -> None:
    assert {
        "acknowledge_before_commit",
        "no_deduplication",
        "newest_row_wins_across_a_wipe",
        "grant_added_twice",
        "cursor_off_by_one",
        "last_writer_by_wall_clock",
        "last_writer_by_the_envelopes_lamport",
        "skip_a_poisoned_head",
        "count_without_all_acknowledgements",
        "cancel_after_a_wipe_adds_to_rights",
        "coalesce_backwards",
        "seq_kept_in_memory_across_a_rollback",
        "acknowledgement_of_a_dead_epoch_moves_a_cursor",
        "transfer_reply_before_commit",
        "half_of_what_is_there_at_most",
        "unique_sku_and_random_ids",
    } <= set(BUGS)


@pytest.mark.parametrize("catcher", [Directed(rights_are_spent), Simulated(seed=1)])
def test_a_bug_whose_place_in_the_code_has_moved_fails_the_job(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], catcher: Catcher
) -> None:
    monkeypatch.setattr(job, "BUGS", {"moved": Bug(_moved, "nothing", catcher)})
    monkeypatch.setattr(job, "ProcessPoolExecutor", ThreadPoolExecutor)  # where the bug is known

    with pytest.raises(typer.Exit) as ended:
        job.teeth(only="", jobs=1)

    assert ended.value.exit_code == 1
    assert "BAD PLANT  moved: AttributeError" in capsys.readouterr().out


def test_what_fails_only_under_the_bug_is_caught(template: Path) -> None:
    found = catch(Bug(_no_rights, "rights are counted", Directed(rights_are_spent)), template=template)
    assert found.good
    assert "assert matriz.rights(rice) == 3" in str(found.caught)
    assert found.by == "test_teeth.py::rights_are_spent"


def test_a_bug_that_nothing_notices_survives(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching, "MOST_SEEDS", 1)
    for catcher in (Directed(rights_are_spent), Simulated(seed=1)):
        found = catch(Bug(nullcontext, "nothing", catcher), template=template)
        assert (found.caught, found.good) == (None, False)


def test_what_fails_without_the_bug_too_is_a_false_alarm(template: Path) -> None:
    found = catch(Bug(nullcontext, "nothing", Directed(founded_in_vain)), template=template)
    assert (found.caught is not None, found.false_alarm is not None, found.good) == (True, True, False)


def test_a_plant_that_is_itself_broken_proves_nothing(template: Path) -> None:
    with pytest.raises(BadPlant, match="no such argument"):
        catch(Bug(_broken, "nothing", Directed(rights_are_spent)), template=template)

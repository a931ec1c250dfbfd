"""The lesson's files and rules: what a file may say, what theory says, and when an expectation is met."""

from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.teaching.lesson import curves, theory
from branchlab.teaching.lesson.ballot import Ballot, read_votes
from branchlab.teaching.lesson.judge import judge
from branchlab.teaching.lesson.loader import FILES, MOST_LINES, LessonFileError, load, load_all
from branchlab.teaching.lesson.model import VERBS, Expectation
from branchlab.teaching.lesson.player import SETTINGS
from branchlab.teaching.lesson.theory import LinkModel
from branchlab.teaching.lesson.words import STEPS, WORDS
from branchlab.teaching.scenarios.registry import get, in_group

WHOLE = (FILES / "s0-warm-up.yaml").read_text("utf-8")


def faults_of(text: str, directory: Path, *, name: str = "s0-warm-up") -> list[tuple[str, str]]:
    """(place, kind) of each fault of a file with that text."""
    path = directory / f"{name}.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(LessonFileError) as raised:
        load(path)
    return [(fault.where, fault.what) for fault in raised.value.faults]


def test_the_lesson_has_nine_scenarios_of_at_most_25_lines_in_their_order() -> None:
    lessons = load_all()
    assert [one.lesson.id[:2] for one in lessons] == [f"s{number}" for number in range(9)]
    for path in FILES.glob("*.yaml"):
        assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES, path.name


def test_the_lesson_is_an_hour_long() -> None:
    assert 55 <= sum(one.lesson.minutes for one in load_all()) <= 60


def test_every_scenario_is_one_that_lab_run_knows() -> None:
    names = [one.lesson.id for one in load_all()]
    assert [scenario.name for scenario in in_group("lesson")] == names
    assert get("s4-cable-cut").policies == ("optimistic", "escrow")
    assert SETTINGS["LAB_FAULTS"] == "1"


def test_every_step_has_a_line_in_both_languages() -> None:
    for language, words in WORDS.items():
        lines = [words.step_line(step) for one in load_all() for step in one.steps]
        assert all(lines), language
    verbs = set(STEPS["en"]) - {"sell_rate", "sell_orders"} | {"sell"}
    assert verbs == set(VERBS)
    assert STEPS["pt-BR"].keys() == STEPS["en"].keys()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("rollback: always", "rollback: never", ("rollback", "literal_error")),
        ("rollback: always\n", "", ("rollback", "missing")),
        ("rollback: always", "rollback: always\ncolour: red", ("colour", "extra_forbidden")),
        ("units: 30", "units: 0", ("method.1.units", "greater_than_equal")),
        ("{sell: cafe, at: [matriz]", "{sell: cafe, at: [lua]", ("method.2", "unknown_node")),
        ("orders: [1]", "orders: [1, 2]", ("method.2", "how_many")),
        ("{drain: 20, as: seen}", "{dry: 20}", ("method.3", "no_verb")),
        ("{drain: 20, as: seen}", "{drain: 20, stop: matriz}", ("method.3", "two_verbs")),
        ("as: seen}", "as: sale}", ("method.3", "same_name")),
        ("{that: sale.ok, is: 1}", "{that: sale.ok}", ("expect.0", "says_nothing")),
        ("that: sale.ok", "that: gone.ok", ("expect.1", "unknown_step")),
        ("unit: ms, ", "", ("predict.0", "needs_observe")),
        ("id: s0-warm-up", "id: s1-other", ("id", "other_id")),
    ],
)
def test_each_fault_of_a_file_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, expected: tuple[str, str]
) -> None:
    assert old in WHOLE
    assert expected in faults_of(WHOLE.replace(old, new, 1), tmp_path)


def test_a_long_file_and_one_that_is_no_yaml_are_refused(tmp_path: Path) -> None:
    assert ("", "long_file") in faults_of(WHOLE + "\n" * 10, tmp_path)
    assert ("", "not_yaml") in faults_of("id: [", tmp_path)


def test_faults_are_said_in_both_languages(tmp_path: Path) -> None:
    path = tmp_path / "s0-warm-up.yaml"
    path.write_text(WHOLE.replace("as: seen}", "as: sale}", 1), "utf-8")
    with pytest.raises(LabError, match="two steps are called sale"):
        load(path)
    with pytest.raises(LabError, match="dois passos se chamam sale"):
        load(path, language="pt-BR")


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (LinkModel(), 0.0),
        (LinkModel(away=True), 120.0),
        (LinkModel(delay_seconds=0.4), 0.0),
        (LinkModel(delay_seconds=0.4, batch_events=1), 0.0),
        (LinkModel(delay_seconds=1.0, batch_events=1), 60.0),
        (LinkModel(delay_seconds=1.0, batch_events=6), 0.0),
    ],
)
def test_a_backlog_grows_by_what_the_link_does_not_carry(link: LinkModel, expected: float) -> None:
    assert theory.backlog(2, 30, link) == expected


def test_draining_takes_the_backlog_divided_by_the_spare_rate() -> None:
    link = LinkModel(delay_seconds=0.5, batch_events=4)  # two orders in half a second: 8 events a second
    assert theory.drain_seconds(80, link) == 10.0
    assert theory.drain_seconds(80, link, rate=2) == 20.0
    assert theory.drain_seconds(80, link, rate=4) is None
    assert theory.drain_seconds(80, LinkModel()) == 0.0
    assert theory.drain_seconds(80, LinkModel(away=True)) is None


def test_errors_are_in_percent_of_what_was_observed() -> None:
    assert theory.error_percent(60, 120) == 50.0
    assert theory.error_percent(3, 0) is None
    assert theory.error_percent(0, 0) == 0.0
    line = [(0.0, 0.0), (10.0, 20.0)]
    assert theory.curve_error_percent(line, [(0.0, 0.0), (5.0, 10.0), (10.0, 20.0)]) == 0.0
    assert theory.curve_error_percent([(0.0, 10.0)], [(0.0, 20.0)]) == 50.0
    assert theory.curve_error_percent([], [(0.0, 20.0)]) is None


FACTS = {"a.n": 100, "a.far": 50, "a.theory": 104.0, "a.word": "x"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"that": "a.n", "is": 100}, True),
        ({"that": "a.n", "is": 99}, False),
        ({"that": "a.word", "is": "x"}, True),
        ({"that": "a.n", "about": "a.theory", "within": "5%"}, True),
        ({"that": "a.n", "about": 120, "within": "5%"}, False),
        ({"that": "a.n", "least": 100, "most": 100}, True),
        ({"that": "a.n", "most": 99}, False),
        ({"that": "a.n", "least": "a.theory"}, True),
        ({"that": "a.n", "least": "a.theory", "within": "1%"}, True),
        ({"that": "a.n", "least": 101}, False),
        ({"that": "a.n", "least": 90, "most": "a.far", "within": "1%"}, False),
        ({"that": "a.n", "least": "a.nothing"}, None),
        ({"that": "a.nothing", "is": 0}, None),
        ({"that": "a.word", "most": 3}, None),
        ({"that": "a.n", "about": "a.nothing"}, None),
    ],
)
def test_an_expectation_holds_or_not_or_cannot_be_judged(said: dict[str, object], expected: object) -> None:
    assert judge(Expectation.model_validate(said), FACTS).holds is expected


def test_a_ballot_takes_the_last_vote_of_each_until_it_is_locked() -> None:
    ballot = Ballot(load(FILES / "s2-branch-down.yaml").lesson.predict)
    for voter, vote in (("ana", 60), ("bia", 120), ("ana", 130), ("cid", [(0.0, 0.0), (30.0, 100.0)])):
        ballot.cast(0, voter, vote)
    assert ballot.middle(0) == 120
    assert ballot.middle(1) is None
    with pytest.raises(LabError, match="0 or more"):
        ballot.cast(0, "dan", -1)
    ballot.lock()
    with pytest.raises(LabError, match="locked"):
        ballot.cast(0, "ana", 1)


def test_of_choices_the_one_of_most_counts_and_no_other_is_taken() -> None:
    ballot = Ballot(load(FILES / "s8-wrong-clock.yaml").lesson.predict)
    for voter, choice in (("ana", 0), ("bia", 1), ("cid", 1)):
        ballot.cast(0, voter, choice)
    assert ballot.middle(0) == 1
    with pytest.raises(LabError, match="0 to 2"):
        ballot.cast(0, "dan", 3)


def test_votes_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "votes.json"
    path.write_text('{"s2-branch-down": [{"ana": 120}]}')
    assert read_votes(path) == {"s2-branch-down": [{"ana": 120}]}
    path.write_text("[]")
    with pytest.raises(LabError):
        read_votes(path)


def test_the_observed_curve_is_that_of_its_step() -> None:
    def sample(at: int, count: int | None) -> dict[str, object]:
        pending = {"pending": {"b": count}}
        return {"kind": "sample", "at_ns": at * 10**9, "node": "a", "status": pending}

    records = [
        sample(1, 9),
        {"kind": "lesson.step", "at_ns": 2 * 10**9, "name": "outage"},
        sample(3, 2),
        {"kind": "sample", "at_ns": 4 * 10**9, "node": "a", "status": None},
        sample(5, 6),
        {"kind": "lesson.step", "at_ns": 6 * 10**9, "name": None},
        sample(7, 1),
    ]
    assert curves.of_pending(records, "outage.pending.a.b") == [(1.0, 2.0), (3.0, 6.0)]
    assert curves.of_pending(records, "outage.seconds") == []

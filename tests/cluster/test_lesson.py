"""The lesson on real nodes: all that should be seen is seen, and it takes no longer than a class has."""

import time
from collections import Counter
from pathlib import Path

import pytest

from branchlab.checking.run import RunOutcome
from branchlab.checking.runlog import read_records
from branchlab.teaching.lesson.ballot import Ballot
from branchlab.teaching.lesson.loader import load_all
from branchlab.teaching.lesson.player import FAST, SETTINGS, Performance
from branchlab.teaching.lesson.session import Session
from branchlab.teaching.scenarios.runner import RunOptions, run_here
from tests.cluster.cluster import StartCluster

pytestmark = pytest.mark.timed

LESSONS = {one.lesson.id: one for one in load_all()}
# What the others show is played by tests of their own, too: links cut, a disk lost, fifty at once.
SHORT = ("s3-who-are-you", "s2-branch-down", "s5-false-events", "s7-slow-link", "s8-wrong-clock")
MOST_MINUTES = 12


def performance(name: str, *, scale: float) -> Performance:
    """One of the lesson, with a prediction of 0 for each question but the choices."""
    loaded = LESSONS[name]
    ballot = Ballot(loaded.lesson.predict)
    for place, predict in enumerate(loaded.lesson.predict):
        ballot.cast(place, "ana", predict.answer or 0)
    return Performance(loaded, ballot, scale)


def lines_of(outcomes: list[RunOutcome]) -> list[str]:
    return [line for outcome in outcomes for line in outcome.lines()]


@pytest.mark.cluster
def test_fast_scenarios_on_one_network_show_what_should_be_seen(start_cluster: StartCluster) -> None:
    cluster = start_cluster(settings=SETTINGS)
    for name in SHORT:
        one = performance(name, scale=FAST).scenario()
        outcome = run_here(one, RunOptions(), run_dir=cluster.run_dir, env_file=cluster.env_file)
        assert outcome.exit_code == 0, outcome.lines()
        counts = Counter(record["kind"] for record in read_records(outcome.log))
        assert counts["expect"] == len(LESSONS[name].lesson.expect)
        assert counts["prediction"] == counts["prediction.result"] == len(LESSONS[name].lesson.predict)


@pytest.mark.long
@pytest.mark.parametrize(
    "driver",
    [
        pytest.param("process", marks=pytest.mark.cluster),
        pytest.param("compose", marks=pytest.mark.compose),
    ],
)
def test_the_whole_lesson_shows_what_should_be_seen_and_fits_into_a_class(
    driver: str, tmp_path: Path
) -> None:
    began = time.monotonic()
    with Session(LESSONS.values(), driver, tmp_path) as session:
        for name in LESSONS:
            outcomes = session.play(performance(name, scale=1.0))
            assert {outcome.exit_code for outcome in outcomes} == {0}, lines_of(outcomes)
    assert time.monotonic() - began < MOST_MINUTES * 60

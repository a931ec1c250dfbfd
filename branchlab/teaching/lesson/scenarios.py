"""The lesson's scenarios as `./lab run` knows them: without a class, at full length."""

from branchlab.teaching.lesson.ballot import Ballot
from branchlab.teaching.lesson.loader import load_all
from branchlab.teaching.lesson.player import Performance
from branchlab.teaching.scenarios.scenario import Scenario


def lesson_scenarios() -> list[Scenario]:
    """Every scenario of the lesson, in its order. Each may be played once in a process."""
    return [Performance(one, Ballot(one.lesson.predict)).scenario() for one in load_all()]

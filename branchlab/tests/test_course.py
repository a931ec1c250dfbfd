"""The lesson in the control room: predicted, locked, and only then played; its log is what is seen."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from branchlab.checking.runlog import RunLog
from branchlab.checking.runs import open_log
from branchlab.checking.timeline.lesson import Vote
from branchlab.checking.timeline.timeline import Timeline
from branchlab.language import Language
from branchlab.screens.lesson.course import BY_HAND, Course
from branchlab.screens.lesson.following import Play
from branchlab.screens.lesson.program import Program
from branchlab.screens.page.lesson_keys import LessonKeys
from branchlab.teaching.lesson.loader import load_all
from branchlab.tests.timelines import NAMES

LESSONS = load_all()


class Room:
    """A room's log, and its timeline fed by it."""

    def __init__(self, folder: Path) -> None:
        self.timeline = Timeline()
        self.log: RunLog = open_log(folder, "room", tap=self.timeline.add)


class Played(Program):
    """Plays by writing a log as `./lab lesson` does, when it is let; remembers the votes it was given."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "process")
        self.votes: list[Mapping[str, Vote]] = []
        self.may_end = asyncio.Event()
        self.is_ended = False
        self.writes = True

    async def play(self, scenario: str, votes: Sequence[Mapping[str, Vote]], language: Language) -> int:
        self.votes = [*votes]
        if self.writes:
            with open_log(self.folder / scenario, "run") as log:
                begin(log)
                log.told("lesson.title", **{"pt-BR": "Título", "en": language})
        await self.may_end.wait()
        return 0 if self.writes else 2

    async def end(self) -> None:
        self.is_ended = True
        self.may_end.set()

    def last_words(self) -> str:
        return "no free port"


def begin(log: RunLog) -> None:
    nodes = dict.fromkeys(NAMES, "http://127.0.0.1:1")
    log.start(run="r", what="s", seed=1, nodes=nodes, policy="escrow", driver="process")


Made = tuple[Course, Played, Room]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """The lesson of a room, the program that plays, and the room."""
    program, room = Played(tmp_path / "lesson"), Room(tmp_path / "room")
    with room.log:
        yield Course(room, LESSONS, program), program, room


def at(course: Course) -> str:
    return course.phase


def test_the_run_begins_only_when_every_prediction_is_locked(made: Made) -> None:
    async def play() -> None:
        course, program, room = made
        course.choose(2)
        assert (at(course), course.place) == ("predict", 0)
        assert course.predict(((0.0, 0.0), (30.0, 120.0)))
        course.next("en")
        assert (at(course), course.place, course.play) == ("predict", 1, None)
        assert not course.predict(-1)
        assert course.predict(3.5)
        room.log.vote(course.questions[-1].id, "phone", 5)
        course.next("en")
        assert at(course) == "locked"
        assert not course.predict(9)
        assert [middle for _, middle in course.middles] == [120.0, 4.25]
        course.next("en")
        assert at(course) == "playing"
        await asyncio.sleep(0)
        assert program.votes == [{BY_HAND: ((0.0, 0.0), (30.0, 120.0))}, {BY_HAND: 3.5, "phone": 5}]
        await course.close()

    asyncio.run(play())


def test_a_vote_after_the_lock_counts_for_nobody(made: Made) -> None:
    async def play() -> None:
        course, _, room = made
        course.choose(4)
        number = course.questions[-1].id
        room.log.vote(number, "phone", 2)
        course.next("en")
        room.log.vote(number, "late", 0)
        assert course.questions[-1].votes == {"phone": 2}

    asyncio.run(play())


def test_pages_see_the_log_of_the_play_while_it_is_written_and_then_its_end(made: Made) -> None:
    async def play() -> None:
        course, program, _ = made
        course.choose(0)
        course.next("en")
        course.next("pt-BR")
        await asyncio.sleep(0)
        course.tick()
        assert course.play is not None
        assert list(course.play.timeline.nodes) == list(NAMES)
        assert course.play.timeline.lesson is not None
        assert course.play.timeline.lesson.said("title", "en") == "pt-BR"
        before = course.version
        program.may_end.set()
        await course.close()
        assert (at(course), course.code, course.play.is_live) == ("explained", 0, False)
        assert course.version > before
        course.next("en")
        assert (at(course), course.chosen) == ("predict", LESSONS[1])

    asyncio.run(play())


def test_a_play_that_never_began_says_why(made: Made) -> None:
    async def play() -> None:
        course, program, _ = made
        program.writes = False
        course.choose(0)
        course.next("en")
        course.next("en")
        await asyncio.sleep(0)
        await course.close()
        assert (at(course), course.trouble) == ("explained", "no free port")

    asyncio.run(play())


def test_going_back_to_the_list_ends_the_play_and_closes_the_vote(made: Made) -> None:
    async def play() -> None:
        course, program, room = made
        course.choose(0)
        await course.leave()
        assert at(course) == "choose"
        assert room.timeline.questions[1].closed is not None
        course.choose(0)
        course.next("en")
        course.next("en")
        await asyncio.sleep(0)
        await course.leave()
        assert (program.is_ended, at(course), course.play) == (True, "choose", None)

    asyncio.run(play())


def test_the_paper_is_as_long_as_the_step_and_gives_the_answer_away_nowhere(made: Made) -> None:
    course, _, _ = made
    course.choose(2)
    predict = LESSONS[2].lesson.predict[0]
    assert course.seconds_of(predict) == 30
    assert course.top_of(predict) == 400
    question = course.questions[-1]
    assert (question.of, question.seconds, question.top) == ("curve", 30, 400)


def test_keys_of_the_lesson_never_reach_the_network_of_the_room(made: Made) -> None:
    course, _, _ = made
    healed: list[str] = []
    keys = LessonKeys(course, lambda: healed.append("heal"))
    assert keys.press("4", "en")
    assert course.chosen is LESSONS[4]
    assert keys.press("3", "en")
    assert course.questions[-1].votes == {BY_HAND: 2}
    for key in "spkrclyw":  # what breaks something in the room
        assert keys.press(key, "en")
    assert not any(keys.press(key, "en") for key in "gdfm?xo")
    assert at(course) == "predict"


def test_a_second_policy_is_shown_in_place_of_the_first_which_is_kept(tmp_path: Path) -> None:
    play = Play(tmp_path)
    for policy in ("optimistic", "escrow"):
        with open_log(tmp_path / policy, policy) as log:
            begin(log)
            log.told("lesson.title", **{"pt-BR": policy, "en": policy})
        play.look()
    titles = [one.lesson.said("title", "en") for one in play.timelines if one.lesson is not None]
    assert titles == ["optimistic", "escrow"]


def test_a_log_that_was_there_before_is_left_alone_and_half_a_line_waits(tmp_path: Path) -> None:
    with open_log(tmp_path, "old") as log:
        begin(log)
    now = [100.0]
    play = Play(tmp_path, clock=lambda: now[0])
    play.look()
    assert play.timeline.nodes == {}
    written = tmp_path / "runs" / "new.jsonl"
    record: dict[str, Any] = {"kind": "lesson.title", "at_ns": 5 * 10**9, "en": "now", "pt-BR": "já"}
    line = json.dumps(record)
    written.write_text(line[:20])
    play.look()
    assert play.timeline.lesson is None
    written.write_text(line + "\n")
    play.look()
    assert play.timeline.lesson is not None
    now[0] += 2
    assert play.now == 7.0
    play.end()
    assert play.now == 5.0

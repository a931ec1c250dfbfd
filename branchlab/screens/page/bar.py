"""The bottom bar: faults, sales by hand and load of a live room; the scrub handle of a recorded run."""

from functools import partial
from typing import TYPE_CHECKING

from branchlab.screens.lesson.course import Course
from branchlab.screens.live.hands import WHO
from branchlab.screens.live.room import LiveRoom
from branchlab.screens.page.elements import Tag, button, choice, field, typed
from branchlab.screens.page.state import LEASES, RATES, lease_words
from branchlab.screens.page.words import clock
from branchlab.screens.replay import Replay

if TYPE_CHECKING:
    from branchlab.screens.page.page import RoomPage

_FAULTS = (("stop", "s"), ("pause", "p"), ("kill", "k"), ("restart", "r"), ("cut", "c"), ("slow", "l"))
_MORE_FAULTS = (("flaky", "y"), ("fill", "n"), ("wipe", "w"))


class _Bar:
    """What both bars have: the line that says what was done, and the looks of the page."""

    def __init__(self, page: "RoomPage") -> None:
        self.page = page
        self.state = page.state
        self._said: Tag

    def say(self, text: str) -> None:
        self._said.text = text

    def _looks(self) -> None:
        page, word = self.page, self.state.word
        for name, key in (("projector", "f"), ("theme", "d"), ("language", "g"), ("help", "?")):
            button(word(name), partial(page.press, key), key=key, test=f"look-{name}")
        button(word("more"), lambda: page.press("m"), key="m", test="look-more")

    def _line(self) -> None:
        self._said = Tag("span", self.state.said, classes="say", role="status", data_testid="said")


class ActionBar(_Bar):
    """Everything that can be done to a network."""

    def __init__(self, page: "RoomPage") -> None:
        super().__init__(page)
        assert isinstance(page.source, LiveRoom)
        self._room = page.source
        with Tag("footer", classes="bar", id="bar", tabindex="-1", aria_label=self.state.word("bar")):
            self._faults()
            self._sales()
            with Tag("div", classes="row last"):
                self._choose()
                self._line()
                self._looks()

    def _choose(self) -> None:
        self._nodes = {
            name: button(
                name,
                partial(self.page.choose, number),
                key=str(number),
                test=f"choose-{name}",
                aria_pressed="false",
            )
            for number, name in enumerate(self._room.network.names, start=1)
        }
        self._selected = Tag("span", "", classes="hidden-visually", role="status", data_testid="selected")

    def _faults(self) -> None:
        page, state, word = self.page, self.state, self.state.word
        with Tag("div", classes="row"):
            for name, key in _FAULTS:
                button(word(name), partial(page.press, key), key=key, test=f"do-{name}")
            with Tag("span", classes="row tools"):
                for name, key in _MORE_FAULTS:
                    button(word(name), partial(page.press, key), key=key, test=f"do-{name}")
                options = {str(one): lease_words(state, one) for one in sorted(LEASES)}
                choice(f"{word('lease')} (e)", options, str(state.lease_seconds), self._lease, test="lease")
            Tag("span", classes="gap")
            rates = {str(one): f"{one:g}/s" for one in sorted(RATES)}
            with Tag("span", classes="row tools"):
                choice(f"{word('load')} [ ]", rates, str(state.rate), self._rate, test="rate")
            self._load = button(word("load_start"), partial(page.press, "a"), test="do-load")

    def _sales(self) -> None:
        page, state, word = self.page, self.state, self.state.word
        with Tag("div", classes="row tools"):
            people: dict[str, str] = {one: word(f"who_{one}") for one in WHO}
            choice(f"{word('who')} (u)", people, state.who, self._who, test="who")
            button(word("log_in"), lambda: page.press("i"), key="i", test="do-log_in")
            self._shown_skus = list(self._room.hands.skus)
            skus = self._shown_skus or [state.sku or "–"]
            state.sku = state.sku or (skus[-1] if self._shown_skus else "")
            choice(f"{word('product')} (t)", {sku: sku for sku in skus}, state.sku, self._sku, test="sku")
            quantity = field(
                word("quantity"),
                type="number",
                min="1",
                max="1000",
                value=str(state.quantity),
                data_testid="quantity",
            )
            typed(quantity, self._quantity)
            for name, key in (("sell", "v"), ("give_back", "b"), ("receive", "+"), ("remove", "-")):
                button(word(name), partial(page.press, key), key=key, test=f"do-{name}")
            Tag("span", classes="gap")
            button(word("ask"), lambda: page.press("q"), key="q", test="do-ask")
            if page.course is not None:
                button(word("lesson"), lambda: page.press("o"), key="o", test="do-lesson")

    def _lease(self, value: str) -> None:
        self.state.lease_seconds = float(value)

    def _who(self, value: str) -> None:
        self.state.who = next(one for one in WHO if one == value)

    def _sku(self, value: str) -> None:
        self.state.sku = value

    def _quantity(self, value: str) -> None:
        self.state.quantity = min(1000, max(1, int(value))) if value.isdigit() else 1

    def _rate(self, value: str) -> None:
        self.state.rate = float(value)

    def refresh(self) -> None:
        state, word, load = self.state, self.state.word, self._room.load
        if self._room.hands.skus and self._room.hands.skus != self._shown_skus:
            self.page.rebuild()
            return
        for name, shown in self._nodes.items():
            shown.attributes(aria_pressed=str(name in state.selected).lower())
        nodes = " – ".join(state.selected)
        self._selected.text = (
            word("selected", nodes=nodes) if nodes else word("selected_none", count=len(self._nodes))
        )
        self._load.text = (
            f"{word('load_stop')} {load.rate:g}/s · a" if load.is_on else f"{word('load_start')} · a"
        )
        self._load.attributes(aria_pressed=str(load.is_on).lower())


class LessonBar(_Bar):
    """The steps of the lesson. What is locked cannot be run yet, and says so."""

    def __init__(self, page: "RoomPage", course: Course) -> None:
        super().__init__(page)
        self._course = course
        word = self.state.word
        with Tag("footer", classes="bar", id="bar", tabindex="-1", aria_label=word("lesson")):
            with Tag("div", classes="row steps-row"):
                self._lock = button(
                    word("lesson_lock"), partial(page.press, "space"), key="␣", test="lesson-lock"
                )
                self._run = button(
                    word("lesson_run"), partial(page.press, "space"), key="␣", test="lesson-run"
                )
                self._next = button(
                    word("lesson_next"), partial(page.press, "space"), key="␣", test="lesson-next"
                )
                button(word("lesson_list"), partial(page.press, "z"), key="z", test="lesson-list")
                button(word("lesson_room"), partial(page.press, "o"), key="o", test="lesson-room")
            with Tag("div", classes="row"):
                self._line()
                self._looks()

    def refresh(self) -> None:
        for shown, phase in ((self._lock, "predict"), (self._run, "locked"), (self._next, "explained")):
            shown.attributes(disabled=None if self._course.phase == phase else "disabled")


class ScrubBar(_Bar):
    """Any moment of a recorded run."""

    def __init__(self, page: "RoomPage") -> None:
        super().__init__(page)
        assert isinstance(page.source, Replay)
        self._replay = page.source
        word = self.state.word
        with Tag("footer", classes="bar", id="bar", tabindex="-1", aria_label=word("scrub")):
            with Tag("div", classes="row"):
                self._play = button(word("play"), lambda: page.press("space"), test="play")
                self._handle = Tag(
                    "input",
                    type="range",
                    min="0",
                    max=f"{max(self._replay.length, 0.1):.1f}",
                    step="0.1",
                    aria_label=word("scrub"),
                    data_testid="scrub",
                )
                self._handle.attributes(value=f"{self._replay.now:.1f}")
                typed(self._handle, self._go)
                self._moment = Tag("span", "", data_testid="moment")
            with Tag("div", classes="row"):
                self._line()
                self._looks()

    def _go(self, value: str) -> None:
        self._replay.go_to(float(value))
        self.page.refresh()

    def refresh(self) -> None:
        word = self.state.word
        self._play.text = word("play_pause" if self._replay.is_playing else "play")
        self._moment.text = f"{clock(self._replay.now)} / {clock(self._replay.length)}"
        self._handle.attributes(value=f"{self._replay.now:.1f}", aria_valuetext=clock(self._replay.now))

"""One page of the control room: its parts, what its keys do, and what it sends when the room has moved."""

import time
from collections.abc import Callable, Mapping

from nicegui import Client, ui
from nicegui.element import Element

from branchlab.screens.lesson.course import Course
from branchlab.screens.live.room import LiveRoom
from branchlab.screens.page import dialogs
from branchlab.screens.page.actions import Actions
from branchlab.screens.page.bar import ActionBar, LessonBar, ScrubBar
from branchlab.screens.page.charts_panel import ChartsPanel
from branchlab.screens.page.elements import Picture, Tag
from branchlab.screens.page.lesson_keys import LessonKeys
from branchlab.screens.page.lesson_panel import LessonPanel, ToldPanel
from branchlab.screens.page.looks import dress, room_classes
from branchlab.screens.page.map_svg import MapStyle, draw
from branchlab.screens.page.state import PageState
from branchlab.screens.page.story_panel import StoryPanel
from branchlab.screens.page.strip import Strip
from branchlab.screens.page.tables import tables
from branchlab.screens.page.words import clock
from branchlab.screens.replay import Replay
from branchlab.screens.source import Source

_SCRUB_SHARE = 0.02


class RoomPage:
    """Builds itself inside the page that is being opened. `refresh` sends what has changed since."""

    def __init__(
        self,
        source: LiveRoom | Replay,
        state: PageState,
        client: Client,
        hall: dialogs.Hall,
        course: Course | None = None,
    ) -> None:
        self.source = source
        self.course = course
        self.state = state
        self.client = client
        self.hall = hall
        self._lesson = LessonKeys(course, self.heal) if course is not None else None
        self._actions = Actions(source, state, self.say) if isinstance(source, LiveRoom) else None
        self._beats = 0
        self._skus: list[str] = []
        self._built: object = None
        self._root = Tag("div", classes="root")
        self._overlay = Element("div")
        with self._overlay:
            pass
        self._build()
        ui.on("room-key", lambda event: self.press(str(event.args)))

    def say(self, text: str) -> None:
        """One line about what was done, and when."""
        self.state.said = f"{clock(self.source.now)} {text}"
        self._bar.say(self.state.said)

    def rebuild(self) -> None:
        """Builds everything anew, as in another language."""
        self._root.clear()
        self._build()
        self.refresh()

    def press(self, key: str) -> None:
        """Does what a key says."""
        if self.state.dialog:
            if key == "escape":
                self.close_dialog()
            return
        if self.state.is_lesson and self._lesson is not None and self._lesson.press(key, self.state.language):
            self.refresh()
            return
        if key.isdigit():
            self.choose(int(key))
        elif (act := self._keys().get(key)) is not None:
            act()

    @property
    def shown(self) -> Source:
        """What charts and map show: a play of the lesson where the page is at one, else the source."""
        play = self.course.play if self.course is not None and self.state.is_lesson else None
        return play if play is not None and play.timeline.nodes else self.source

    def choose(self, number: int) -> None:
        """Selects the node of that number."""
        names = list(self.source.timeline.nodes)
        if number <= len(names):
            self.state.select(names[number - 1])
            self.refresh()

    def heal(self) -> None:
        if self._actions is None:
            self.say(self.state.word("replay_only"))
        else:
            self._actions.heal()

    def _keys(self) -> Mapping[str, Callable[[], object]]:
        looks: dict[str, Callable[[], object]] = {
            "g": self._turn(self.state.turn_language),
            "d": self._turn(self.state.turn_theme),
            "f": self._turn(self._turn_projector),
            "m": self._turn(self._turn_charts),
            "?": lambda: self.open_dialog("help"),
            "x": self._show_phones,
            "o": self._turn(self._turn_lesson),
            "space": self._hold_or_play,
            "left": lambda: self._move(-1),
            "right": lambda: self._move(1),
            "escape": self._escape,
        }
        if self._actions is None:
            return looks
        actions = self._actions
        return {
            **looks,
            "s": actions.stop,
            "p": actions.pause,
            "k": actions.kill,
            "r": actions.restart,
            "c": lambda: actions.link("cut"),
            "l": lambda: actions.link("slow"),
            "y": lambda: actions.link("flaky"),
            "n": actions.fill,
            "w": self._ask_wipe,
            "h": actions.heal,
            "e": self._turn(self.state.next_lease),
            "u": self._turn(self.state.next_who),
            "t": self._turn(self._next_product),
            "i": actions.log_in,
            "v": actions.sell,
            "b": actions.give_back,
            "+": lambda: actions.adjust(1),
            "-": lambda: actions.adjust(-1),
            "a": actions.load,
            "[": self._turn(lambda: actions.change_rate(-1)),
            "]": self._turn(lambda: actions.change_rate(1)),
            "q": self._ask_or_close,
        }

    def _turn(self, change: Callable[[], object]) -> Callable[[], None]:
        def turn() -> None:
            change()
            self.rebuild()

        return turn

    def _turn_projector(self) -> None:
        self.state.is_projector = not self.state.is_projector

    def _turn_lesson(self) -> None:
        has_one = self.course is not None or self.source.timeline.lesson is not None
        self.state.is_lesson = has_one and not self.state.is_lesson

    def _turn_charts(self) -> None:
        self.state.pair += 1

    def _next_product(self) -> None:
        if self._skus:
            place = self._skus.index(self.state.sku) if self.state.sku in self._skus else -1
            self.state.sku = self._skus[(place + 1) % len(self._skus)]

    def _escape(self) -> None:
        if self.state.escaped_twice(time.monotonic()):
            self.heal()

    def _hold_or_play(self) -> None:
        if isinstance(self.source, Replay):
            self.source.pause() if self.source.is_playing else self.source.play()
        else:
            self.state.is_frozen = not self.state.is_frozen
        self.refresh()

    def _move(self, step: int) -> None:
        if isinstance(self.source, Replay):
            self.source.go_to(self.source.now + step * max(1.0, self.source.length * _SCRUB_SHARE))
            self.refresh()

    def _ask_wipe(self) -> None:
        if self.state.selected:
            self.open_dialog("wipe")
        else:
            self.say(self.state.word("select_first"))

    def _show_phones(self) -> None:
        if self.hall.url is not None:
            self.open_dialog("phones")

    def _ask_or_close(self) -> None:
        if self.hall.is_open:
            self.hall.close()
        else:
            self.open_dialog("ask")

    def open_dialog(self, name: str) -> None:
        """Opens a dialog over the page."""
        self.close_dialog()
        self.state.dialog = name
        with self._overlay:
            if name == "phones" and self.hall.url is not None:
                dialogs.show_phones(self.state, self.hall.url, self.close_dialog)
            elif name == "help":
                dialogs.show_help(self.state, self.close_dialog)
            elif name == "wipe" and self._actions is not None:
                dialogs.ask_wipe(self.state, self._actions.wipe, self.close_dialog)
            elif name == "ask":
                dialogs.ask_class(self.state, self.hall.ask, self.close_dialog)

    def close_dialog(self) -> None:
        self.state.dialog = ""
        self._overlay.clear()

    def _build(self) -> None:
        state, word = self.state, self.state.word
        with self._root:
            Tag("a", word("skip"), classes="skip hidden-visually", href="#bar")
            stale = Tag("div", "", classes="stale", id="stale", role="alert")
            stale.attributes(data_words=word("stale", seconds="{seconds}"))
            self._beat = Tag(
                "span", str(self._beats), classes="hidden-visually", id="beat", aria_hidden="true"
            )
            twins = self.course.twins if self.course is not None and state.is_lesson else ()
            with Element("div").classes(room_classes(is_lesson=state.is_lesson, has_twins=bool(twins))):
                self._strip = Strip(state, self.source, self.heal)
                with Tag("section", classes="panel map-panel", aria_label=word("map")):
                    Tag("h2", word("map"))
                    self._map = Picture(classes="picture")
                self._charts = ChartsPanel(state, self.shown, twins)
                self._panel = self._side()
                self._bar: ActionBar | ScrubBar | LessonBar
                if isinstance(self.source, Replay):
                    self._bar = ScrubBar(self)
                elif self.course is not None and state.is_lesson:
                    self._bar = LessonBar(self, self.course)
                else:
                    self._bar = ActionBar(self)
            self._tables = Picture(classes="hidden-visually")
        dress(self.client, state)
        self.refresh(whole=True)

    def refresh(self, *, whole: bool = False) -> None:
        """Sends what has changed."""
        self._beats += 1
        self._beat.text = str(self._beats)
        state = self.state
        if self._built is not None and self._built != self._state_of_lesson():
            self.rebuild()
            return
        self._strip.refresh(self.shown)
        self._bar.refresh()
        if state.is_frozen and not whole:
            return
        shown = self.shown
        timeline, now = shown.timeline, shown.now
        style = MapStyle(state.language, state.theme, state.selected, state.is_projector)
        self._map.show(draw(timeline, now, style))
        self._tables.show(tables(timeline, now, state.language))
        self._panel.refresh()
        self._charts.refresh(shown, style, whole=whole)

    def _side(self) -> StoryPanel | LessonPanel | ToldPanel:
        """What stands beside the charts."""
        state, course = self.state, self.course
        self._built = self._state_of_lesson()
        if state.is_lesson and course is not None:
            return LessonPanel(state, course, self.press, self.hall.url)
        if state.is_lesson:
            return ToldPanel(state, self.source)
        return StoryPanel(state, self.source, self.hall, self.press)

    def _state_of_lesson(self) -> object:
        """What the page must be built anew for: where the class is, and which run is shown."""
        version = self.course.version if self.course is not None and self.state.is_lesson else 0
        return version, self.shown.timeline if self.shown is not self.source else None

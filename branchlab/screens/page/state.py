"""What one page has chosen: its words, its looks, the nodes that the next fault is about."""

from dataclasses import dataclass, field
from typing import TypeVar

from branchlab.language import Language
from branchlab.screens.live.hands import WHO, Who
from branchlab.screens.page.colours import THEMES, Theme, ThemeName
from branchlab.screens.page.lines import GRIDS, ChartStyle
from branchlab.screens.page.words import OTHER, WORDS

LEASES = (60.0, 30.0, 120.0, 300.0, 600.0, 1800.0)
RATES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_FONT, _LARGE_FONT = 12, 24
Choice = TypeVar("Choice")
RETRIES = ("retries",)
_PAIRS = (("pending", "stock"), ("orders", "lag"), RETRIES)

_TWINS = (("stock", "orders", "pending"), ("lag", "retries"))
_LARGE_TWINS = (("stock",), ("orders",), ("pending",))


@dataclass
class PageState:
    """The choices of one page; every page has its own."""

    language: Language = "pt-BR"
    theme_name: ThemeName = "light"
    is_projector: bool = False
    is_frozen: bool = False
    is_lesson: bool = False
    selected: tuple[str, ...] = ()
    lease_seconds: float = LEASES[0]
    who: Who = "operador"
    sku: str = ""
    quantity: int = 1
    rate: float = 2.0
    pair: int = 0
    said: str = ""
    dialog: str = ""
    _escaped: list[float] = field(default_factory=list)

    @property
    def theme(self) -> Theme:
        return THEMES[self.theme_name]

    @property
    def font(self) -> int:
        return _LARGE_FONT if self.is_projector else _FONT

    @property
    def grids(self) -> tuple[str, ...]:
        """The charts that fit: two at a time where the text is large. Those about retries stand below the
        diagram of space and time."""
        views = _PAIRS if self.is_projector else (GRIDS, RETRIES)
        return views[self.pair % len(views)]

    @property
    def has_space_time(self) -> bool:
        """Whether the diagram of space and time is among what is shown."""
        return self.grids == RETRIES

    def chart_style(self, window: tuple[float, float], now: float) -> ChartStyle:
        """How the charts are drawn for a stretch of the run; with less room below the diagram of space and
        time."""
        has_space_time = self.has_space_time
        return ChartStyle(
            self.language,
            self.theme,
            window,
            now,
            self.grids,
            self.font,
            is_narrow=self.is_lesson or has_space_time,
            pixels=215 if has_space_time else 480,
        )

    def twin_style(self, window: tuple[float, float], now: float) -> ChartStyle:
        """How each of two charts side by side is drawn; they are below each other where the text is large."""
        views = _LARGE_TWINS if self.is_projector else _TWINS
        return ChartStyle(
            self.language,
            self.theme,
            window,
            now,
            views[self.pair % len(views)],
            self.font,
            is_narrow=True,
            pixels=215 if self.is_projector else 460,
            is_twin=True,
        )

    def word(self, name: str, **facts: object) -> str:
        return WORDS[self.language][name].format(**facts)

    def select(self, node: str) -> None:
        """Chooses a node; with the one before it they are a link. Choosing it again lets go of it."""
        if node in self.selected:
            self.selected = tuple(one for one in self.selected if one != node)
        else:
            self.selected = (*self.selected, node)[-2:]

    def turn_language(self) -> None:
        self.language = OTHER[self.language]

    def turn_theme(self) -> None:
        self.theme_name = "dark" if self.theme_name == "light" else "light"

    def next_lease(self) -> None:
        self.lease_seconds = _after(LEASES, self.lease_seconds)

    def next_who(self) -> None:
        self.who = _after(WHO, self.who)

    def change_rate(self, step: int) -> None:
        place = min(range(len(RATES)), key=lambda one: abs(RATES[one] - self.rate))
        self.rate = RATES[min(max(place + step, 0), len(RATES) - 1)]

    def escaped_twice(self, at: float) -> bool:
        """Whether Escape was pressed twice within a second, now included."""
        self._escaped = [one for one in self._escaped if at - one <= 1.0] + [at]
        return len(self._escaped) >= 2


def _after(options: tuple[Choice, ...], chosen: Choice) -> Choice:
    place = options.index(chosen) if chosen in options else -1
    return options[(place + 1) % len(options)]


def lease_words(state: PageState, seconds: float) -> str:
    """`60 s`, `5 min`"""
    if seconds < 120:
        return state.word("lease_seconds", seconds=f"{seconds:.0f}")
    return state.word("lease_minutes", minutes=f"{seconds / 60:.0f}")

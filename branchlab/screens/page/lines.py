"""The lines and bars of the charts, with the label of each: the same timeline gives the same picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from branchlab.checking.timeline.lesson import DrawnLine, LessonTold
from branchlab.checking.timeline.model import OUTCOMES, Link
from branchlab.checking.timeline.series import Point, Series
from branchlab.checking.timeline.timeline import Timeline
from branchlab.language import Language, localised
from branchlab.screens.page.colours import DASHES, OUTCOME_COLOURS, Theme
from branchlab.screens.page.labels import Label
from branchlab.screens.page.words import WORDS, short
from branchlab.teaching.lesson.words import WORDS as LESSON_WORDS

GRIDS = ("pending", "stock", "orders", "lag")
_MOST_LINKS = 12  # with more, the lines are sums for each receiver
_MOST_POINTS = 300
_BARS = 90
_MOST_PERCENT = 999
LARGE = 20
"""A font from which on there is room for less."""
Data = list[list[float | None]]


@dataclass(frozen=True)
class ChartStyle:
    """How charts are drawn. `grids` are those that are shown, from top to bottom; `window` is the stretch of
    the run that the axis spans, and `now` where in it the run is. `pixels` is about how high the picture is,
    which decides how far apart labels must be. `is_twin` is one of several charts side by side, which have
    less room for words. `spans` are values that a grid's axis holds, too."""

    language: Language
    theme: Theme
    window: tuple[float, float]
    now: float
    grids: tuple[str, ...] = GRIDS
    font: int = 12
    is_narrow: bool = False
    pixels: int = 480
    is_twin: bool = False
    spans: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def word(self, name: str, **facts: object) -> str:
        return WORDS[self.language][name].format(**facts)


@dataclass(frozen=True)
class Drawn:
    """One line or the bars of one outcome: for ECharts, its label, and the values that the axis must hold."""

    series: dict[str, Any]
    label: Label | None
    values: Sequence[float]


def drawn(name: str, timeline: Timeline, style: ChartStyle) -> list[Drawn]:
    """Everything in the grid of that name."""
    makers = {"pending": _pending, "stock": _stock, "orders": _orders, "lag": _lag, "retries": _retries}
    return list(makers[name](timeline, style))


def links_drawn(timeline: Timeline) -> list[tuple[str, str, Series]]:
    """(sender, receiver, series) of each line of pending: one per directed link, or per receiver, without a
    sender, where those are too many to be told apart."""
    if len(timeline.pending) <= _MOST_LINKS:
        return [(*link, series) for link, series in timeline.pending.items()]
    return [
        ("", node, summed([one for (_, to), one in timeline.pending.items() if to == node]))
        for node in timeline.nodes
    ]


def _pending(timeline: Timeline, style: ChartStyle) -> Iterator[Drawn]:
    names = list(timeline.nodes)
    for place, (sender, receiver, one) in enumerate(links_drawn(timeline)):
        colour = style.theme.colour(names.index(receiver))
        dash = DASHES[(names.index(sender) if sender else place) % len(DASHES)]
        name = f"{short(sender)}→{short(receiver)}"
        yield _line(f"pending-{sender}>{receiver}", name, one, style, (colour, dash))
    if timeline.lesson is not None:
        yield from _lesson_lines(timeline.lesson, style)


def _lesson_lines(told: LessonTold, style: ChartStyle) -> Iterator[Drawn]:
    """What theory and the class say of a link, thick and dotted beside what is observed."""
    low, high = style.window
    for place, one in enumerate(told.lines()):
        points = [[at, value] for at, value in one.points if low <= at]
        is_theory = one.of == "theory"
        colour = style.theme.text if is_theory else style.theme.colour(3)
        name = lesson_line(one, style.language, is_short=style.font >= LARGE)
        series = {
            "id": f"lesson-{place}-{one.of}",
            "name": name,
            "type": "line",
            "data": points,
            "symbol": "none" if is_theory else "diamond",
            "symbolSize": 7,
            "lineStyle": {"color": colour, "width": 4, "type": [3, 5] if is_theory else [12, 4]},
            "itemStyle": {"color": colour},
            "z": 5,
        }
        shown = [value for at, value in one.points if low <= at <= high]
        yield Drawn(series, Label(name, max(value for _, value in one.points) or 0.01, colour), shown)


def lesson_line(one: DrawnLine, language: Language, *, is_short: bool = False) -> str:
    """`class 90 (25% off)`: what a line of theory or of the class says, and how far it was off, in few
    letters; where it `is_short`, in fewer."""
    words = WORDS[language]
    said = LESSON_WORDS[language].number(one.value) + (" s" if one.unit == "seconds" else "")
    if one.error is None:
        return words[f"line_{one.of}"].format(value=said)
    error = f"{one.error:.0f}" if one.error <= _MOST_PERCENT else f">{_MOST_PERCENT}"
    if is_short:
        return words[f"line_{one.of}"].format(value=said) + f" ({error}%)"
    return words[f"line_{one.of}_off"].format(value=said, error=error)


def _stock(timeline: Timeline, style: ChartStyle) -> Iterator[Drawn]:
    has_rights = timeline.policy != "optimistic"
    lines = timeline.rights if has_rights else timeline.stock
    for place, node in enumerate(timeline.nodes):
        name = style.word("series_rights" if has_rights else "series_sees", node=short(node))
        looks = (style.theme.colour(place), DASHES[place % len(DASHES)])
        yield _line(f"rights-{node}", name, lines[node], style, looks)
    if timeline.stock:
        one = company_stock(timeline)
        line = _line("stock", style.word("series_stock"), one, style, (style.theme.text, "solid"))
        below = {"origin": 0, "color": style.theme.colour(1), "opacity": 0.55 if _lowest(one) < 0 else 0.0}
        yield Drawn({**line.series, "areaStyle": below}, line.label, line.values)


def company_stock(timeline: Timeline) -> Series:
    """The company's stock as the node shows it that knows the worst, or else one that can be heard."""
    return min(timeline.stock.values(), key=lambda one: (_lowest(one), one.last is None))


def _lowest(one: Series) -> float:
    return min((point.value for point in one.points if point.value is not None), default=0.0)


def _orders(timeline: Timeline, style: ChartStyle) -> Iterator[Drawn]:
    low, high = style.window
    step = max(1, round((high - low) / _BARS))
    tops: dict[int, float] = {}
    for outcome in OUTCOMES:
        counts: dict[int, int] = {}
        total = 0
        for second, counted in list(timeline.seconds.items()):
            if low - step <= second <= style.now and (found := counted.outcomes[outcome]):
                counts[second // step] = counts.get(second // step, 0) + found
                total += found
        data: Data = []
        middle = 0.0
        for bar, count in sorted(counts.items()):
            data.append([(bar + 0.5) * step, count / step])
            middle = tops.get(bar, 0.0) + count / step / 2
            tops[bar] = tops.get(bar, 0.0) + count / step
        colour = style.theme.colour(OUTCOME_COLOURS[outcome])
        name = style.word(f"outcome_{outcome}")
        series = {
            "id": f"orders-{outcome}",
            "name": name,
            "type": "bar",
            "stack": "orders",
            "barWidth": 4 if style.font < 20 else 5,
            "itemStyle": {"color": colour},
            "data": data,
        }
        label = Label(f"{name}: {total}", middle, colour) if total else None
        yield Drawn(series, label, list(tops.values()))


def _lag(timeline: Timeline, style: ChartStyle) -> Iterator[Drawn]:
    for place, name in enumerate(("p50", "p99", "oldest")):
        looks = (style.theme.colour((2, 0, 1)[place]), DASHES[place])
        yield _line(f"lag-{name}", style.word(f"series_{name}"), timeline.lag[name], style, looks)


def _retries(timeline: Timeline, style: ChartStyle) -> Iterator[Drawn]:
    """How often each link was tried in vain, a dot for each try; and when the next is due."""
    names = list(timeline.nodes)
    for (sender, receiver), one in timeline.retries.items():
        looks = (style.theme.colour(names.index(receiver)), DASHES[names.index(sender) % len(DASHES)])
        name = f"{short(sender)}→{short(receiver)}"
        line = _line(f"retries-{sender}>{receiver}", name, one, style, looks)
        tries = [[at, value] for at, value in one.points if value and style.window[0] <= at <= style.now]
        dots = {"showSymbol": bool(tries), "symbol": "circle", "symbolSize": 7}
        due = next_try(timeline, (sender, receiver), style.now)
        said = None if not one.at(style.now) or line.label is None else line.label.text
        if said is not None and due is not None:
            said = f"{said}, {style.word('retry_due', seconds=f'{due:.0f}')}"
        label = None if said is None or line.label is None else Label(said, line.label.value, looks[0])
        yield Drawn({**line.series, **dots}, label, line.values)


def next_try(timeline: Timeline, link: Link, now: float) -> float | None:
    """In how many seconds a link is tried again; None where nothing waits for that, or nobody knows."""
    view = timeline.nodes[link[0]]
    age = view.age(now)
    peer = view.status["peers"].get(link[1]) if view.status is not None and view.answers else None
    due = peer["next_retry_seconds"] if peer is not None else None
    return None if due is None or age is None else max(0.0, due - age)


def _line(key: str, name: str, one: Series, style: ChartStyle, looks: tuple[str, object]) -> Drawn:
    colour, dash = looks
    data, last = stepped(one, style.window, style.now), one.at(style.now)
    series = {
        "id": key,
        "name": name,
        "type": "line",
        "step": "end",
        "showSymbol": False,
        "connectNulls": False,
        "lineStyle": {"color": colour, "width": 2 if style.font < 20 else 3, "type": dash},
        "itemStyle": {"color": colour},
        "data": data,
    }
    said = "?" if last is None else localised(f"{last:.1f}".removesuffix(".0"), style.language)
    values = [value for _, value in data if value is not None]
    return Drawn(series, Label(f"{name} {said}", last, colour), values)


def stepped(one: Series, window: tuple[float, float], now: float) -> Data:
    """The points of a step line within a window, up to now; None where nobody knows."""
    low, high = window[0], min(window[1], now)
    data: Data = []
    before: float | None = None
    for at, value in _thinned(one.points, low, high):
        if at > high:
            break
        if value is None and before is not None:
            data.append([max(at, low), before])
        data.append([max(at, low), value])
        before = value
    if before is not None:
        data.append([high, before])
    return data


def _thinned(points: Sequence[Point], low: float, high: float) -> Sequence[Point]:
    """The points from the last one before the window on, no more than can be seen."""
    first = next((place for place, point in enumerate(points) if point.at >= low), len(points))
    shown = points[max(0, first - 1) :]
    if len(shown) <= _MOST_POINTS:
        return shown
    width = (high - low) / _MOST_POINTS
    kept: list[Point] = []
    for point in shown:
        is_new = not kept or int(kept[-1].at / width) != int(point.at / width)
        if is_new or point.value is None or kept[-1].value is None:
            kept.append(point)
        else:
            kept[-1] = point
    return kept


def summed(parts: Sequence[Series]) -> Series:
    """The sum of lines; not known where any of them is not."""
    total = Series()
    for at in sorted({point.at for one in parts for point in one.points}):
        values = [one.at(at) for one in parts]
        known = [value for value in values if value is not None]
        total.add(at, sum(known) if len(known) == len(values) else None)
    return total

"""Space and time: a lane for each branch, a dot for what happened there, an arrow from an event to where it
arrived. One function of the timeline, so the live page and a replay show the same."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from branchlab.checking.timeline.happened import Happening
from branchlab.checking.timeline.timeline import Timeline
from branchlab.screens.page.map_svg import MapStyle
from branchlab.screens.page.words import clock, short

SECONDS = 30.0
MOST_ARROWS = 200
"""With more they are told together, one for each pair of branches and second."""
_WIDE, _LANE = 860, 74
_MARKS = {"wrote": "●", "received": "○", "order": "▲", "refused": "✕", "false": "◆"}


@dataclass(frozen=True)
class _Arrow:
    """From a branch at a moment to another at a moment; `count` events that are told together."""

    sender: str
    sent: float
    receiver: str
    received: float
    count: int = 1


@dataclass(frozen=True)
class _Sheet:
    """Where moments and branches are."""

    window: tuple[float, float]
    lanes: Mapping[str, float]
    left: float

    def x(self, at: float) -> float:
        low, high = self.window
        return self.left + (_WIDE - self.left - 14) * (at - low) / (high - low)


def window_of(now: float, *, is_live: bool) -> tuple[float, float]:
    """The last seconds before the moment that is shown; of a live run from its very beginning on."""
    return (max(0.0, now - SECONDS), max(now, SECONDS if is_live else 1.0))


def space_time(timeline: Timeline, window: tuple[float, float], style: MapStyle) -> str:
    """The picture. What lies before the window has no arrow in it."""
    font = 28 if style.is_large else 15
    lanes = {name: font * 1.6 + _LANE * place for place, name in enumerate(timeline.nodes)}
    sheet = _Sheet(window, lanes, left=font * 4.4)
    shown = [one for one in timeline.happened.since(window[0]) if one.at <= window[1] and one.node in lanes]
    parts = [_lane(name, sheet, font) for name in lanes]
    parts += [_arrow(one, sheet, font) for one in _arrows(timeline, shown, window[0])]
    parts += [_dot(one, sheet, style) for one in shown[-2 * MOST_ARROWS :]]
    height = font * 3.2 + _LANE * max(0, len(lanes) - 1)
    parts += [
        f'<text x="{sheet.x(at):.0f}" y="{height + font * 0.6:.0f}" text-anchor="{anchor}">{clock(at)}</text>'
        for at, anchor in ((window[0], "start"), (window[1], "end"))
    ]
    label = escape(style.word("space_time"))
    legend = f"<p>{escape(style.word('space_time_help'))}</p>"
    return legend + (
        f'<svg viewBox="0 0 {_WIDE} {height + font:.0f}" role="img" aria-label="{label}" class="space-time"'
        f' font-size="{font}">{"".join(parts)}</svg>'
    )


def _lane(name: str, sheet: _Sheet, font: int) -> str:
    y = sheet.lanes[name]
    return (
        f'<line class="lane" x1="{sheet.left:.0f}" y1="{y:.0f}" x2="{_WIDE - 14}" y2="{y:.0f}"/>'
        f'<text x="4" y="{y + font * 0.35:.0f}" class="name">{escape(short(name))}</text>'
    )


def _arrows(timeline: Timeline, shown: Sequence[Happening], begins: float) -> Sequence[_Arrow]:
    found = []
    for one in shown:
        cause = timeline.happened.at(one.cause) if one.cause is not None else None
        if cause is not None and cause.at >= begins and cause.node != one.node:
            found.append(_Arrow(cause.node, cause.at, one.node, one.at))
    if len(found) <= MOST_ARROWS:
        return found
    together: Counter[tuple[str, str, int]] = Counter()
    last: dict[tuple[str, str, int], _Arrow] = defaultdict()
    for arrow in found:
        key = (arrow.sender, arrow.receiver, int(arrow.received))
        together[key] += 1
        last[key] = arrow
    return [
        _Arrow(one.sender, one.sent, one.receiver, one.received, together[key]) for key, one in last.items()
    ]


def _arrow(one: _Arrow, sheet: _Sheet, font: int) -> str:
    x1, y1 = sheet.x(one.sent), sheet.lanes[one.sender]
    x2, y2 = sheet.x(one.received), sheet.lanes[one.receiver]
    line = f'<line class="arrow" x1="{x1:.1f}" y1="{y1:.0f}" x2="{x2:.1f}" y2="{y2:.0f}"/>'
    if one.count == 1:
        return line
    middle = f'x="{(x1 + x2) / 2 + font * 0.3:.0f}" y="{(y1 + y2) / 2:.0f}"'
    return line + f"<text {middle}>×{one.count}</text>"


def _dot(one: Happening, sheet: _Sheet, style: MapStyle) -> str:
    said = f"{clock(one.at)} {one.node}: {one.words.said(style.language)} {_clock_of(one)}"
    x, y = sheet.x(one.at), sheet.lanes[one.node]
    return (
        f'<text class="mark {one.what}" x="{x:.1f}" y="{y:.0f}" text-anchor="middle"'
        f' dominant-baseline="central">{_MARKS[one.what]}<title>{escape(said)}</title></text>'
    )


def _clock_of(one: Happening) -> str:
    return "{" + ", ".join(f"{short(node)}: {count}" for node, count in sorted(one.clock.items())) + "}"

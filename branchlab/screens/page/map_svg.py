"""The map as one SVG picture: a card for each node, an arrow for each directed link with what is pending."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from branchlab.checking.timeline.model import Link, NodeView
from branchlab.checking.timeline.timeline import Timeline
from branchlab.language import Language
from branchlab.screens.page.colours import Theme
from branchlab.screens.page.words import WORDS, short

_PLAIN, _LARGE = (340, 440), (460, 415)
STALE_SECONDS = 1.2
"""An answer that is older is shown with its age: nobody knows what the node has by now."""


@dataclass(frozen=True)
class MapStyle:
    """How the map is drawn: in which words and colours, with which nodes selected, and how large."""

    language: Language
    theme: Theme
    selected: tuple[str, ...] = ()
    is_large: bool = False

    def word(self, name: str, **facts: object) -> str:
        return WORDS[self.language][name].format(**facts)

    @property
    def size(self) -> tuple[int, int]:
        """The map's width and height in its own units, about a pixel each."""
        return _LARGE if self.is_large else _PLAIN

    def half_card(self, nodes: int) -> tuple[int, int]:
        """Half the size of the cards of so many nodes."""
        plain = (63, 34) if nodes <= 4 else (46, 30)
        return (plain[0] + 22, plain[1] + 14) if self.is_large else plain


def state_of(view: NodeView, now: float) -> str:
    """The state of a node in a word of the tables: what is known now, never what was."""
    if view.state in ("paused", "stopped"):
        return f"state_{view.state}"
    if view.answers and not is_stale(view, now):
        assert view.status is not None, "a node that answers has a status"
        return "state_running" if view.status["ready"] else "state_not_ready"
    return "state_silent"


def is_stale(view: NodeView, now: float) -> bool:
    """Whether the last answer is too old to be shown as the present."""
    age = view.age(now)
    return not view.answers or age is None or age > STALE_SECONDS


def pending_on(timeline: Timeline, link: Link, now: float) -> float | None:
    """What is pending on a link now; None where its sender is not heard any more."""
    view = timeline.nodes[link[0]]
    return None if is_stale(view, now) else timeline.pending[link].last


def link_state(timeline: Timeline, link: Link) -> str:
    """A word of the tables for a link: broken how, or fine as far as is known."""
    for band in reversed(timeline.bands):
        if band.healed is None and link in band.links:
            return f"link_{band.fault}"
    return "link_ok"


def draw(timeline: Timeline, now: float, style: MapStyle) -> str:
    """The picture. The same as before for the same state, so that only changes are sent."""
    half = style.half_card(len(timeline.nodes))
    sheet = _Sheet(_places(list(timeline.nodes), style.size, half), half, now, style)
    parts = [_defs(style)]
    parts += [_arrow(timeline, link, sheet) for link in timeline.pending]
    parts += [_card(view, number, sheet) for number, view in enumerate(timeline.nodes.values(), start=1)]
    label = escape(style.word("map"))
    head = f'<svg viewBox="0 0 {style.size[0]} {style.size[1]}" role="img" aria-label="{label}" class="map">'
    return head + "".join(parts) + "</svg>"


def _places(
    names: Sequence[str], size: tuple[int, int], half: tuple[int, int]
) -> dict[str, tuple[float, float]]:
    """Where the nodes are: on a circle, the first at the top."""
    middle = (size[0] / 2, size[1] / 2)
    wide, high = middle[0] - half[0] - 4, middle[1] - half[1] - 12
    found = {}
    for place, name in enumerate(names):
        angle = -math.pi / 2 - 2 * math.pi * place / len(names)
        found[name] = (middle[0] + wide * math.cos(angle), middle[1] + high * math.sin(angle))
    if len(names) == 3:
        found = {name: (x, y + 18 * bool(place)) for place, (name, (x, y)) in enumerate(found.items())}
    return found


def _defs(style: MapStyle) -> str:
    tips = (("tip", style.theme.text), ("broken", style.theme.colour(1)))
    markers = "".join(
        f'<marker id="{name}" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"'
        f' markerUnits="userSpaceOnUse"><path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
        for name, colour in tips
    )
    return f"<defs>{markers}</defs>"


@dataclass(frozen=True)
class _Sheet:
    """Where everything is on the map: each node's middle, and half the size of its card."""

    places: Mapping[str, tuple[float, float]]
    half: tuple[float, float]
    now: float
    style: MapStyle


def _arrow(timeline: Timeline, link: Link, sheet: _Sheet) -> str:
    places, radius, now, style = sheet.places, sheet.half, sheet.now, sheet.style
    (x1, y1), (x2, y2) = places[link[0]], places[link[1]]
    length = math.hypot(x2 - x1, y2 - y1)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    px, py = -uy * 9, ux * 9  # the two directions beside each other
    start, end = _edge(ux, uy, radius), length - _edge(ux, uy, radius)
    ax, ay = x1 + ux * start + px, y1 + uy * start + py
    bx, by = x1 + ux * (end - 2) + px, y1 + uy * (end - 2) + py
    at = 0.36
    lx, ly = ax + (bx - ax) * at + px * 0.6, ay + (by - ay) * at + py * 0.6
    state, pending = link_state(timeline, link), pending_on(timeline, link, now)
    said = style.word("unknown") if pending is None else f"{pending:.0f}"
    kind = "unknown" if pending is None else state.removeprefix("link_")
    name = f"{link[0]} → {link[1]}: {said} ({style.word(state)})"
    colour = style.theme.colour(1) if state != "link_ok" else style.theme.text
    tip = "broken" if state != "link_ok" else "tip"
    many = "many" if pending else ""
    large = 1.5 if style.is_large else 1.0
    width, height = large * (16 + 9 * len(said)), large * 24
    cross = ""
    if state == "link_cut":
        cx, cy = ax + (bx - ax) * 0.72, ay + (by - ay) * 0.72
        cross = f'<text x="{cx:.0f}" y="{cy + 6:.0f}" class="cross" fill="{colour}">✕</text>'
    return (
        f'<g class="link {kind} {many}" data-testid="link-{link[0]}-{link[1]}" data-pending="{said}">'
        f"<title>{escape(name)}</title>"
        f'<line x1="{ax:.0f}" y1="{ay:.0f}" x2="{bx:.0f}" y2="{by:.0f}" stroke="{colour}"'
        f' marker-end="url(#{tip})"/>'
        f'<rect x="{lx - width / 2:.0f}" y="{ly - height / 2:.0f}" width="{width:.0f}"'
        f' height="{height:.0f}" rx="12"/>'
        f'<text x="{lx:.0f}" y="{ly + 5.5 * large:.0f}" class="count">{escape(said)}</text>{cross}</g>'
    )


def _edge(ux: float, uy: float, radius: tuple[float, float]) -> float:
    """How far from a card's middle its edge is in that direction."""
    wide, high = radius[0] + 4, radius[1] + 4
    return min(wide / abs(ux) if ux else math.inf, high / abs(uy) if uy else math.inf)


def _card(view: NodeView, number: int, sheet: _Sheet) -> str:
    (x, y), (wide, high) = sheet.places[view.name], sheet.half
    now, style = sheet.now, sheet.style
    state = state_of(view, now)
    rights = view.status["stock"].get("here") if view.status is not None and not is_stale(view, now) else None
    units = style.word("unknown") if rights is None else str(rights)
    lines = [
        (f"{number} {short(view.name)}", "name"),
        (style.word(state), "state"),
        (style.word("rights", units=units), "units"),
    ]
    if state not in ("state_running", "state_not_ready"):
        lines[2] = (_age(view, now, style), "age")
    chosen = "selected" if view.name in style.selected else ""
    texts = "".join(
        f'<text x="{x:.0f}" y="{y + high * (0.56 * row - 0.4):.0f}" class="{kind}">{escape(text)}</text>'
        for row, (text, kind) in enumerate(lines)
    )
    return (
        f'<g class="node {state} {chosen}" data-testid="node-{view.name}" data-rights="{units}"'
        f' data-state="{state.removeprefix("state_")}">'
        f'<rect x="{x - wide:.0f}" y="{y - high:.0f}" width="{2 * wide}" height="{2 * high}" rx="8"/>'
        f"{texts}</g>"
    )


def _age(view: NodeView, now: float, style: MapStyle) -> str:
    age = view.age(now)
    if age is None:
        return style.word("never")
    return style.word("age", seconds=math.floor(age))

"""Charts and diagrams as SVG texts. The same numbers give the same bytes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from branchlab.checking.timeline.happened import Happening
from branchlab.checking.timeline.model import OUTCOMES, Band, Second
from branchlab.checking.timeline.series import Series
from branchlab.language import LANGUAGES

WIDTH, HEIGHT = 960, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 170, 14, 28
_MOST_POINTS = 500
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D00", "#000000")
"""Okabe and Ito's, which people with any colour vision tell apart; dashes differ besides."""
_DASHES = ("", "7 4", "2 3", "10 4 2 4", "5 2", "1 4", "12 3", "4 4")
_OUTCOME_COLOURS = dict(
    zip(OUTCOMES, ("#009E73", "#E69F00", "#CC79A7", "#D55E00", "#999999", "#000000", "#56B4E9"), strict=True)
)


@dataclass
class Frame:
    """The one time base of a run's charts: its seconds, and the faults behind them with their words in
    Portuguese and in English."""

    end: float
    bands: Sequence[tuple[Band, str, str]] = ()

    def x(self, at: float) -> float:
        """Where a moment is."""
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(max(at, 0.0), self.end) / max(self.end, 0.001)


@dataclass(frozen=True)
class Line:
    """A series with the word that stands beside it; `drawn` is (seconds, value) of theory or a prediction."""

    label: str
    series: Series | None = None
    drawn: Sequence[tuple[float, float]] = field(default_factory=tuple)


def lines_chart(frame: Frame, lines: Sequence[Line], *, title: str, span: Sequence[float] = ()) -> str:
    """Step lines over the faults. What nobody knows is hatched. The values of `span` are on the axis, too."""
    values = [point.value for line in lines if line.series for point in line.series.points]
    values += [value for line in lines for _, value in line.drawn]
    known = [value for value in values if value is not None]
    low, high = min([0.0, *known, *span]), max([1.0, *known, *span])

    def y(value: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))

    parts = [_axes(frame, low, high, y(0.0))]
    taken: list[float] = []
    for place, line in enumerate(lines):
        style = f'fill="none" stroke="{COLOURS[place % 8]}" stroke-width="2.5"'
        dashes = f' stroke-dasharray="{_DASHES[place % 8]}"' if _DASHES[place % 8] else ""
        if line.series is not None:
            parts += [
                f'<rect class="gap" x="{frame.x(left):.1f}" y="{_TOP}"'
                f' width="{frame.x(right) - frame.x(left):.1f}" height="{HEIGHT - _TOP - _BOTTOM}"/>'
                for left, right in line.series.gaps(frame.end)
            ]
            parts += [f'<path d="{path}" {style}{dashes}/>' for path in _steps(frame, line.series, y)]
        elif line.drawn:
            path = " L".join(f"{frame.x(at):.1f} {y(value):.1f}" for at, value in line.drawn)
            parts.append(f'<path d="M{path}" {style} stroke-dasharray="3 5"/>')
        last = _last(line)
        parts.append(_label(line.label, y(0.0 if last is None else last), COLOURS[place % 8], taken))
    parts.append(_names(frame))
    return _svg(parts, HEIGHT, title)


def _last(line: Line) -> float | None:
    if line.series is not None:
        return line.series.last
    return line.drawn[-1][1] if line.drawn else None


def _label(text: str, wanted: float, colour: str, taken: list[float]) -> str:
    """A line's word at its end, moved until it covers no other and can be seen."""
    places = [wanted + 4 + 13 * step * way for step in range(20) for way in (-1, 1)]
    free = [at for at in places if all(abs(at - other) >= 13 for other in taken)]
    at = next((at for at in free if _TOP <= at <= HEIGHT - 4), wanted + 4)
    taken.append(at)
    where = f'x="{WIDTH - _RIGHT + 6}" y="{at:.1f}"'
    return f'<text {where}><tspan fill="{colour}">━</tspan> {escape(text)}</text>'


def _steps(frame: Frame, series: Series, y: Callable[[float], float]) -> Iterable[str]:
    """The known stretches as paths, at most `_MOST_POINTS` points in all."""
    points = series.points
    every = max(1, len(points) // _MOST_POINTS)
    kept = [one for place, one in enumerate(points) if place % every == 0 or one.value is None]
    if points and kept[-1] is not points[-1]:
        kept.append(points[-1])
    path: list[str] = []
    for place, point in enumerate(kept):
        if point.value is None:
            if path:
                yield "".join(path)
            path = []
            continue
        after = kept[place + 1].at if place + 1 < len(kept) else frame.end
        begins = "M" if not path else "L"
        path.append(f"{begins}{frame.x(point.at):.1f} {y(point.value):.1f}H{frame.x(after):.1f}")
    if path:
        yield "".join(path)


def bars_chart(frame: Frame, seconds: Mapping[int, Second], *, title: str, labels: Mapping[str, str]) -> str:
    """Order requests of each second, by outcome, one upon the other."""
    high = max([1, *(sum(one.outcomes.values()) for one in seconds.values())])
    parts = [_axes(frame, 0.0, float(high), float(HEIGHT - _BOTTOM))]
    scale = (HEIGHT - _TOP - _BOTTOM) / high
    width = max(1.0, frame.x(1.0) - frame.x(0.0) - 1)
    seen: list[str] = []
    for second in sorted(seconds):
        top = float(HEIGHT - _BOTTOM)
        for outcome in OUTCOMES:
            count = seconds[second].outcomes.get(outcome, 0)
            if not count:
                continue
            if outcome not in seen:
                seen.append(outcome)
            top -= count * scale
            parts.append(
                f'<rect x="{frame.x(second):.1f}" y="{top:.1f}" width="{width:.1f}"'
                f' height="{count * scale:.1f}" fill="{_OUTCOME_COLOURS[outcome]}"/>'
            )
    for place, name in enumerate(seen):
        colour = next(one for outcome, one in _OUTCOME_COLOURS.items() if outcome == name)
        where = f'x="{WIDTH - _RIGHT + 6}" y="{_TOP + 14 + 15 * place}"'
        parts.append(f'<text {where}><tspan fill="{colour}">■</tspan> {escape(labels[name])}</text>')
    parts.append(_names(frame))
    return _svg(parts, HEIGHT, title)


def space_time(
    happened: Sequence[Happening], nodes: Sequence[str], window: tuple[float, float], *, title: str
) -> str:
    """A lane for each node, a dot for each thing that happened, an arrow from cause to effect."""
    height = 46 + 56 * len(nodes)
    frame = Frame(max(window[1] - window[0], 0.001))
    lane = {node: 40 + 56 * place for place, node in enumerate(nodes)}
    parts = [
        f'<line x1="{_LEFT}" y1="{y}" x2="{WIDTH - _RIGHT}" y2="{y}" class="lane"/>'
        f'<text x="{WIDTH - _RIGHT + 6}" y="{y + 4}">{escape(node)}</text>'
        for node, y in lane.items()
    ]
    shown = [
        (place, one)
        for place, one in enumerate(happened)
        if window[0] <= one.at <= window[1] and one.node in lane
    ]
    where = {place: (frame.x(one.at - window[0]), lane[one.node]) for place, one in shown}
    for place, one in shown:
        if one.cause in where:
            (x1, y1), (x2, y2) = where[one.cause], where[place]
            parts.append(f'<line x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}" class="arrow"/>')
    for place, one in shown:
        x, y = where[place]
        words = " / ".join(dict.fromkeys(one.words.said(language) for language in LANGUAGES))
        said = f"<title>{one.at:.2f} s {escape(one.node)}: {escape(words)}</title>"
        parts.append(f'<circle cx="{x:.1f}" cy="{y}" r="5" class="{one.what}">{said}</circle>')
    parts.append(f'<text x="{_LEFT}" y="14">{window[0]:.1f}–{window[1]:.1f} s</text>')
    return _svg(parts, height, title)


def _axes(frame: Frame, low: float, high: float, zero: float) -> str:
    parts = []
    for place, (band, pt, en) in enumerate(frame.bands):
        left = frame.x(band.requested)
        right = frame.x(frame.end if band.healed is None else band.healed)
        parts.append(
            f'<rect class="band band{place % 2}" x="{left:.1f}" y="{_TOP}"'
            f' width="{max(1.0, right - left):.1f}" height="{HEIGHT - _TOP - _BOTTOM}">'
            f"<title>{escape(pt)} / {escape(en)}</title></rect>"
        )
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = frame.end * share
        parts.append(f'<text x="{frame.x(at):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{at:.0f} s</text>')
    for value in sorted({low, 0.0, high}):
        y = _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_short(value)}</text>')
    parts.append(f'<line x1="{_LEFT}" y1="{zero:.1f}" x2="{WIDTH - _RIGHT}" y2="{zero:.1f}" class="axis"/>')
    return "".join(parts)


def _names(frame: Frame) -> str:
    """The words of the faults, over all that is drawn."""
    parts = []
    for place, (band, pt, en) in enumerate(frame.bands):
        where = f'x="{frame.x(band.requested) + 3:.1f}" y="{_TOP + 11 + 12 * (place % 6)}"'
        parts += [
            f'<text class="fault" {where} lang="{language}">{escape(words)}</text>'
            for language, words in (("pt-BR", pt), ("en", en))
        ]
    return "".join(parts)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _svg(parts: Sequence[str], height: int, title: str) -> str:
    named = f'role="img" aria-label="{escape(title, quote=True)}"'
    return f'<svg viewBox="0 0 {WIDTH} {height}" {named}>{"".join(parts)}</svg>'

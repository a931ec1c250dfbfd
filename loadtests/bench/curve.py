"""Draws what `overload` measured: orders taken a second, and how long they took, over the load offered."""

from collections.abc import Callable, Sequence
from typing import Protocol

_WIDTH, _HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 36, 40


class Measured(Protocol):
    """What the curve needs of one step."""

    @property
    def multiple(self) -> float: ...
    @property
    def goodput(self) -> float: ...
    @property
    def p99(self) -> float: ...


def curve(steps: Sequence[Measured], *, alone: float) -> str:
    """Two charts in one SVG; the second shows three times `alone`, the p99 without load, as a dashed line."""
    taken = [step.goodput for step in steps]
    times = [1000 * step.p99 for step in steps]
    limit = 3000 * alone
    parts = [
        _chart("orders taken per second", steps, taken, y=0, limit=None),
        _chart("p99 of taken orders, ms (dashed: 3 x without load)", steps, times, y=_HEIGHT, limit=limit),
    ]
    size = f'width="{_WIDTH}" height="{2 * _HEIGHT}" viewBox="0 0 {_WIDTH} {2 * _HEIGHT}"'
    style = "<style>text{font:12px sans-serif;fill:#333}</style>"
    ground = f'<rect width="{_WIDTH}" height="{2 * _HEIGHT}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{ground}{"".join(parts)}</svg>\n'


def _chart(
    title: str, steps: Sequence[Measured], values: Sequence[float], *, y: int, limit: float | None
) -> str:
    most = 1.15 * max(*values, limit or 0.0, 1e-9)
    across = _scale(0, max(step.multiple for step in steps), _LEFT, _WIDTH - _RIGHT)
    up = _scale(0, most, y + _HEIGHT - _BOTTOM, y + _TOP)
    points = [(across(step.multiple), up(value)) for step, value in zip(steps, values, strict=True)]
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    parts = [
        f'<text x="{_LEFT}" y="{y + 20}">{title}</text>',
        f'<line x1="{_LEFT}" y1="{up(0):.1f}" x2="{_WIDTH - _RIGHT}" y2="{up(0):.1f}" stroke="#999"/>',
        f'<polyline points="{path}" fill="none" stroke="#06c" stroke-width="2"/>',
    ]
    for (px, py), step, value in zip(points, steps, values, strict=True):
        parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="#06c"/>')
        parts.append(f'<text x="{px:.1f}" y="{py - 8:.1f}" text-anchor="middle">{value:.0f}</text>')
        parts.append(
            f'<text x="{px:.1f}" y="{up(0) + 16:.1f}" text-anchor="middle">{step.multiple:g}x</text>'
        )
    if limit is not None:
        line = f'x1="{_LEFT}" y1="{up(limit):.1f}" x2="{_WIDTH - _RIGHT}" y2="{up(limit):.1f}"'
        parts.append(f'<line {line} stroke="#c30" stroke-dasharray="5 4"/>')
    return "".join(parts)


def _scale(least: float, most: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - least) / (most - least) * (end - start)

"""The names of lines beside their ends: no legend to hunt, and none over another."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any


@dataclass(frozen=True)
class Label:
    """A line's name and value, at the height of that value; None stands at the bottom."""

    text: str
    value: float | None
    colour: str


@dataclass(frozen=True)
class Room:
    """The grid that labels stand beside, in parts of the picture's height: its top, its height, and how far
    apart two labels must be."""

    top: float
    height: float
    gap: float


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """Round ends for an axis that starts at 0 and holds all values."""
    return -_round_up(-min(values, default=0.0)), _round_up(max(values, default=0.0)) or 1.0


def _round_up(value: float) -> float:
    if value <= 0:
        return 0.0
    unit = 10.0 ** floor(log10(value))
    step = next(part for part in (1, 2, 2.5, 4, 5, 8, 10) if ceil(value / unit * 100) <= part * 100)
    return step * unit


def placed(labels: Sequence[Label], low: float, high: float, room: Room) -> list[tuple[Label, float]]:
    """Where each label stands, as a part of the picture's height, from the top down."""
    wanted = sorted(
        ((room.top + room.height * (1 - ((one.value or 0.0) - low) / (high - low)), one) for one in labels),
        key=lambda pair: pair[0],
    )
    found: list[float] = []
    for y, _ in wanted:
        found.append(max(y, found[-1] + room.gap) if found else y)
    beyond = found[-1] - (room.top + room.height) if found else 0.0
    if beyond > 0:
        limit = room.top + room.height
        for place in range(len(found) - 1, -1, -1):
            found[place] = min(found[place], limit)
            limit = found[place] - room.gap
    return [(one, y) for (_, one), y in zip(wanted, found, strict=True)]


def graphics(
    name: str,
    found: Sequence[tuple[Label, float]],
    *,
    left: float,
    font: int,
    text: str,
    most: int,
    height: int,
) -> list[dict[str, Any]]:
    """The labels as ECharts' graphic elements, always the same number of them, so that none is left over."""
    elements: list[dict[str, Any]] = []
    for place in range(most):
        label, y = found[place] if place < len(found) else (None, 0.0)
        elements.append(
            {
                "id": f"label-{name}-{place}",
                "type": "text",
                "left": f"{left:.2f}%",
                "top": f"{100 * (y - 0.5 * font / height):.2f}%",
                "silent": True,
                "invisible": label is None,
                "style": {
                    "text": "" if label is None else f"{{mark|▬}} {label.text}",
                    "fill": text,
                    "font": f"{font}px Roboto, sans-serif",
                    "rich": {"mark": {"fill": text if label is None else label.colour}},
                },
            }
        )
    return elements

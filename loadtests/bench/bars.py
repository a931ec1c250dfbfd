"""A chart of bars: the median of each rival, with a line from the least to the most."""

from collections.abc import Mapping, Sequence
from html import escape
from statistics import median

_WIDTH, _ROW, _TOP, _LEFT, _RIGHT = 720, 30, 40, 230, 90
_STYLE = "<style>text{font:12px sans-serif;fill:#333}</style>"


def chart(title: str, figures: Mapping[str, Sequence[float]]) -> str:
    """One SVG, self-contained, a bar for each of the figures in their order."""
    height = _TOP + _ROW * len(figures) + 12
    most = max((max(values) for values in figures.values()), default=0.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{escape(title)}</title>{_STYLE}',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="24" style="font-weight:bold">{escape(title)}</text>',
    ]
    for row, (what, values) in enumerate(figures.items()):
        parts.append(_bar(what, values, y=_TOP + _ROW * row, scale=scale))
    return "\n".join([*parts, "</svg>", ""])


def written(value: float) -> str:
    """A figure with as many digits as say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _bar(what: str, values: Sequence[float], *, y: int, scale: float) -> str:
    middle, least, most = (scale * each for each in (median(values), min(values), max(values)))
    line = y + 11
    return (
        f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(what)}</text>'
        f'<rect x="{_LEFT}" y="{y}" width="{middle:.1f}" height="22" fill="#06c" fill-opacity="0.75"/>'
        f'<line x1="{_LEFT + least:.1f}" y1="{line}" x2="{_LEFT + most:.1f}" y2="{line}" stroke="#333"/>'
        f'<text x="{_LEFT + most + 8:.1f}" y="{y + 15}">{written(median(values))}</text>'
    )

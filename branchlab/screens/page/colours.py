"""Colours and patterns that stay apart for everybody: Okabe and Ito's palette, with dashes and hatching."""

from dataclasses import dataclass
from typing import Literal

ThemeName = Literal["light", "dark"]

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D00", "#7A3E9D", "#666666")
PALETTE_DARK = (
    "#56B4E9",
    "#FF8A3D",
    "#35D0A0",
    "#F0A6CC",
    "#F0C24B",
    "#9BD3F5",
    "#F0E442",
    "#C9A0EE",
    "#BBBBBB",
)
DASHES = ("solid", [8, 4], [2, 3], [12, 4, 2, 4])


@dataclass(frozen=True)
class Theme:
    """The colours of one theme; text on its background has a contrast of at least 7 to 1."""

    name: ThemeName
    background: str
    card: str
    text: str
    faint: str
    line: str
    palette: tuple[str, ...]

    def colour(self, place: int) -> str:
        return self.palette[place % len(self.palette)]


LIGHT = Theme("light", "#ffffff", "#f4f6f8", "#101418", "#3b4650", "#c3ccd4", PALETTE)
DARK = Theme("dark", "#0f1317", "#1a2027", "#f5f7f9", "#c4ced6", "#46525d", PALETTE_DARK)
THEMES = {"light": LIGHT, "dark": DARK}

OUTCOME_COLOURS = {
    "created": 2,
    "conflict": 4,
    "unauthorized": 3,
    "forbidden": 7,
    "other": 8,
    "broken": 1,
    "unanswered": 0,
}
_KIND_COLOUR = {"stop": 1, "kill": 1, "pause": 4, "cut": 3, "slow": 0, "wipe": 1, "fill": 4}


def band_colour(fault: str, theme: Theme) -> str:
    """The colour of a fault's band."""
    return theme.colour(_KIND_COLOUR.get(fault, 8))


def hatch(colour: str, *, dense: bool = False, kind: int = 0) -> dict[str, object]:
    """A hatching as ECharts takes it: an image that repeats; `kind` turns it."""
    size = 6 if dense else 10
    paths = (f"M0,{size} L{size},0", f"M0,0 L{size},{size}", f"M0,{size // 2} L{size},{size // 2}")
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{size}' height='{size}'>"
        f"<path d='{paths[kind % 3]}' stroke='{colour}' stroke-width='1' opacity='0.55'/></svg>"
    )
    encoded = svg.replace("#", "%23").replace("<", "%3C").replace(">", "%3E")
    return {
        "image": f"data:image/svg+xml;utf8,{encoded}",
        "repeat": "repeat",
        "imageWidth": size,
        "imageHeight": size,
    }

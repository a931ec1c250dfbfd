"""The charts: grids below each other on one time, with the faults as bands across all of them, as options of
ECharts. The live screens and a replay draw the same for the same timeline."""

from collections.abc import Mapping, Sequence
from typing import Any

from branchlab.checking.timeline.model import Band
from branchlab.checking.timeline.timeline import Timeline
from branchlab.checking.timeline.words import FAULTS
from branchlab.language import Language
from branchlab.screens.page.colours import band_colour, hatch
from branchlab.screens.page.labels import Room, bounds, graphics, placed
from branchlab.screens.page.lines import LARGE, ChartStyle, Drawn, drawn, links_drawn
from branchlab.screens.page.words import clock, short

SPAN_SECONDS = 180.0
_LEAST_SPAN_SECONDS = 30.0
_RIGHT_PERCENT = {(12, False): 81.0, (24, False): 68.0, (12, True): 71.0, (24, True): 60.0}
_TWIN_PERCENT = 66.0
_MOST_LABELS = 14


def _right(style: ChartStyle) -> float:
    """Where the grids end, in percent of the picture's width: labels stand beside them."""
    right = _RIGHT_PERCENT[style.font, style.is_narrow]
    return min(right, _TWIN_PERCENT) if style.is_twin else right


def window_of(now: float, *, length: float, is_live: bool) -> tuple[float, float]:
    """The stretch of time to show: the last minutes of a live run, all of a recorded one."""
    if not is_live:
        return 0.0, max(length, 1.0)
    return max(0.0, now - SPAN_SECONDS), max(now, _LEAST_SPAN_SECONDS)


def option(timeline: Timeline, style: ChartStyle) -> dict[str, Any]:
    """The whole picture, for a page that opens or changes its looks."""
    theme, font = style.theme, style.font
    text = {"color": theme.text, "fontSize": font}
    right = _right(style)
    grids, titles = [], []
    for room, name in zip(_rooms(style), style.grids, strict=True):
        grids.append(
            {
                "left": 3.4 * font,
                "right": f"{100 - right}%",
                "top": f"{100 * room.top:.2f}%",
                "height": f"{100 * room.height:.2f}%",
                "outerBoundsMode": "none",  # a long number on one axis must not move that grid's time
            }
        )
        titles.append(
            {
                "text": style.word(f"chart_{name}"),
                "left": 4,
                "top": f"{100 * (room.top - 1.75 * font / style.pixels):.2f}%",
                "padding": 0,
                "textStyle": {**text, "fontWeight": 600},
            }
        )
    return {
        "animation": False,
        "aria": {"enabled": True, "label": {"description": style.word("charts")}, "decal": {"show": True}},
        "textStyle": {"fontFamily": "inherit"},
        "grid": grids,
        "title": titles,
        **_moving(timeline, style),
    }


def update(timeline: Timeline, style: ChartStyle) -> dict[str, Any]:
    """What may have changed since the last picture: where time is, how high the axes go, the lines."""
    return _moving(timeline, style)


def common_spans(pictures: Sequence[tuple[Timeline, ChartStyle]]) -> Mapping[str, tuple[float, float]]:
    """GRID → the lowest and the highest value in any of these pictures, so that heights can be compared."""
    found: dict[str, list[float]] = {}
    for timeline, style in pictures:
        for name in style.grids:
            values = [value for one in drawn(name, timeline, style) for value in one.values]
            found.setdefault(name, []).extend(values)
    return {name: (min(values), max(values)) for name, values in found.items() if values}


def bands_shown(timeline: Timeline, style: ChartStyle) -> list[tuple[Band, float, float]]:
    """The faults within the window, each with where its band begins and ends there."""
    low, high = style.window[0], min(style.window[1], style.now)
    shown = []
    for band in timeline.bands:
        begin, end = max(band.requested, low), min(high if band.healed is None else band.healed, high)
        if end > begin:
            shown.append((band, begin, end))
    return shown


def _name(band: Band, style: ChartStyle) -> str:
    """What a band says in a chart: without its times where letters are large, and only how where charts stand
    side by side."""
    if style.is_twin:
        return FAULTS[style.language].get(band.fault, band.fault)
    return band_name(band, style.language, with_times=style.font < LARGE)


def band_name(band: Band, language: Language, *, with_times: bool = True) -> str:
    """`sul parada 00:42–01:44`, or without its times."""
    target = band.target
    for name in band.nodes:
        target = target.replace(name, short(name))
    name = f"{target} {FAULTS[language].get(band.fault, band.fault)}"
    end = "" if band.healed is None else clock(band.healed)
    return f"{name} {clock(band.requested)}–{end}" if with_times else name


def _rooms(style: ChartStyle) -> list[Room]:
    """Where the grids are, in parts of the picture."""
    head, foot, count = (
        2.1 * style.font / style.pixels,
        1.9 * style.font / style.pixels,
        len(style.grids),
    )
    each = (1 - foot) / count
    gap = 1.12 * style.font / style.pixels
    between = 0.9 * style.font / style.pixels
    return [Room(place * each + head, each - head - between, gap) for place in range(count)]


def _moving(timeline: Timeline, style: ChartStyle) -> dict[str, Any]:
    series: list[dict[str, Any]] = []
    axes: list[dict[str, Any]] = []
    values: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []
    for place, (name, room) in enumerate(zip(style.grids, _rooms(style), strict=True)):
        head = {"xAxisIndex": place, "yAxisIndex": place}
        found = drawn(name, timeline, style)
        low, high = _span(name, [value for one in found for value in one.values], style)
        series.append({"id": f"bands-{name}", **head, **_bands(timeline, style, with_names=place == 0)})
        series += [{**one.series, **head} for one in found]
        axes.append(_time_axis(name, place, style))
        values.append(_value_axis(name, place, style, low, high))
        texts += graphics(
            name,
            placed(_labels(name, found), low, high, room),
            left=_right(style) + 1,
            font=style.font,
            text=style.theme.text,
            most=_MOST_LABELS,
            height=style.pixels,
        )
    if "pending" in style.grids:
        series.append(_unknown(timeline, style, style.grids.index("pending")))
    return {"xAxis": axes, "yAxis": values, "series": series, "graphic": {"elements": texts}}


def _span(name: str, values: Sequence[float], style: ChartStyle) -> tuple[float, float]:
    """The ends of a grid's axis."""
    low, high = bounds([*values, *style.spans.get(name, ())])
    return low, high if name == "lag" else max(high, 2.0)


def _labels(name: str, found: list[Drawn]) -> list[Any]:
    """The labels of a grid; of pending only those that tell something: the map has every number."""
    labels = [one.label for one in found if one.label is not None]
    return [label for label in labels if label.value != 0] if name == "pending" else labels


def _time_axis(name: str, place: int, style: ChartStyle) -> dict[str, Any]:
    is_last = place == len(style.grids) - 1
    return {
        "id": f"x-{name}",
        "type": "value",
        "gridIndex": place,
        "min": style.window[0],
        "max": style.window[1],
        "containShape": False,  # few bars must not stretch the time of their grid
        "splitNumber": 3 if style.font > 20 else 5,
        "axisLabel": {
            "show": is_last,
            "color": style.theme.text,
            "fontSize": style.font,
            ":formatter": _CLOCK,
            "hideOverlap": True,
            "showMaxLabel": False,
            "showMinLabel": style.font < 20,
            "alignMinLabel": "left",
        },
        "axisLine": {"lineStyle": {"color": style.theme.faint}},
        "axisTick": {"show": is_last},
        "splitLine": {"show": False},
    }


def _value_axis(name: str, place: int, style: ChartStyle, low: float, high: float) -> dict[str, Any]:
    return {
        "id": f"y-{name}",
        "type": "value",
        "gridIndex": place,
        "min": low,
        "max": high,
        "interval": high if low == 0 else max(high, -low),
        "axisLabel": {
            "color": style.theme.text,
            "fontSize": style.font,
            "showMinLabel": True,
            ":formatter": _NUMBER[style.language],
        },
        "splitLine": {"lineStyle": {"color": style.theme.line}},
    }


def _bands(timeline: Timeline, style: ChartStyle, *, with_names: bool) -> dict[str, Any]:
    areas = []
    middle = (style.window[0] + style.window[1]) / 2
    for number, (band, begin, end) in enumerate(bands_shown(timeline, style)):
        colour = band_colour(band.fault, style.theme)
        active = end if band.active is None else min(max(band.active, begin), end)
        name = _name(band, style) if with_names else ""
        label = {
            "show": with_names,
            "position": "insideTopLeft" if active < middle else "insideTopRight",
            "distance": 2,
            "offset": [0, (number % 3) * (style.font + 3)],
            "color": style.theme.text,
            "fontSize": style.font,
            "textBorderColor": style.theme.card,
            "textBorderWidth": 3,
        }
        waiting = {"color": hatch(colour, dense=True), "opacity": 0.9}
        felt = {"color": hatch(colour, kind=number), "borderColor": colour, "borderWidth": 1}
        if active > begin:
            areas.append([{"xAxis": begin, "itemStyle": waiting, "name": ""}, {"xAxis": active}])
        areas.append([{"xAxis": active, "itemStyle": felt, "name": name, "label": label}, {"xAxis": end}])
    edge = {"color": style.theme.text, "type": "solid", "width": 1}
    moment = [] if style.now >= style.window[1] - 0.5 else [{"xAxis": style.now, "lineStyle": edge}]
    return {
        "type": "line",
        "data": [],
        "silent": True,
        "markArea": {"silent": True, "data": areas},
        "markLine": {"silent": True, "symbol": "none", "label": {"show": False}, "data": moment},
    }


def _unknown(timeline: Timeline, style: ChartStyle, place: int) -> dict[str, Any]:
    """Hatching where nobody knows what is pending on some link."""
    low, high = style.window[0], min(style.window[1], style.now)
    stretches = {
        (max(begin, low), min(end, high))
        for _, _, one in links_drawn(timeline)
        for begin, end in one.gaps(style.now)
        if end > low and begin < high
    }
    pattern = {"color": hatch(style.theme.faint, dense=True, kind=1)}
    areas = [[{"xAxis": begin, "itemStyle": pattern}, {"xAxis": end}] for begin, end in sorted(stretches)]
    return {
        "id": "unknown",
        "type": "line",
        "data": [],
        "silent": True,
        "xAxisIndex": place,
        "yAxisIndex": place,
        "markArea": {"silent": True, "data": areas},
    }


_NUMBER: Mapping[Language, str] = {"en": "v => `${v}`", "pt-BR": "v => `${v}`.replace('.', ',')"}
_CLOCK = (
    "v => { const s = Math.round(v), p = n => String(n).padStart(2, '0');"
    " return s >= 3600 ? `${Math.floor(s / 3600)}:${p(Math.floor(s / 60) % 60)}:${p(s % 60)}`"
    " : `${p(Math.floor(s / 60))}:${p(s % 60)}`; }"
)

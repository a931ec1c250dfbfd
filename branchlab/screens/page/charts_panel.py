"""The panel of charts: of one run, with space and time above them where the page asks for it; or of one
scenario under several policies, side by side on one time and one scale."""

from collections.abc import Sequence
from dataclasses import replace

from nicegui import ui
from nicegui.element import Element

from branchlab.checking.timeline.timeline import Timeline
from branchlab.screens.lesson.following import Play
from branchlab.screens.page import charts, space_time
from branchlab.screens.page.elements import Picture, Tag
from branchlab.screens.page.lines import ChartStyle
from branchlab.screens.page.map_svg import MapStyle
from branchlab.screens.page.state import PageState
from branchlab.screens.source import Source
from branchlab.teaching.lesson.comparing import policy_words

_CHART_SECONDS = 1.0
_LEAST_SECONDS = 10.0  # that the time of several charts spans: their plays are short


class ChartsPanel:
    """Builds itself for what is `shown`; `refresh` sends what has changed. `policies` are those that the
    scenario shown is played under; several of them stand side by side, each from when its play begins."""

    def __init__(self, state: PageState, shown: Source, policies: Sequence[str] = ()) -> None:
        self._state = state
        self._earlier = shown.earlier if isinstance(shown, Play) else ()
        self._drawn_at = float("-inf")
        self._space: Picture | None = None
        self._twins = policies if len(policies) > 1 else ()
        with Tag("section", classes="panel charts-panel", aria_label=state.word("charts")):
            if self._twins:
                self._charts = self._side_by_side(shown)
            else:
                self._space = Picture(classes="picture space") if state.has_space_time else None
                self._charts = [_chart(shown.timeline, self._styles(shown)[0])]

    def refresh(self, shown: Source, style: MapStyle, *, whole: bool = False) -> None:
        """Sends the charts, once a second, or when all is sent anew."""
        now = shown.now
        if self._drawn_at <= now < self._drawn_at + _CHART_SECONDS and not whole:
            return
        self._drawn_at = now
        if self._space is not None:
            window = space_time.window_of(now, is_live=shown.is_live)
            self._space.show(space_time.space_time(shown.timeline, window, style))
        pictures = zip(self._charts, self._timelines(shown), self._styles(shown), strict=False)
        for chart, timeline, how in pictures:
            chart.run_chart_method("setOption", charts.update(timeline, how))

    def _side_by_side(self, shown: Source) -> list[ui.echart]:
        state, timelines = self._state, self._timelines(shown)
        made = []
        with Element("div").classes("twins"):
            for place, policy in enumerate(self._twins):
                with Tag("section", classes="twin", aria_label=policy_words(policy, state.language)):
                    Tag("h2", policy_words(policy, state.language), data_testid=f"twin-{policy}")
                    if place < len(timelines):
                        made.append(_chart(timelines[place], self._styles(shown)[place]))
                    elif timelines:
                        Tag("p", state.word("lesson_later"), classes="later")
        return made

    def _timelines(self, shown: Source) -> list[Timeline]:
        """What is drawn, from left to right; of several policies none before the first play begins."""
        if self._twins and not isinstance(shown, Play):
            return []
        return [*self._earlier, shown.timeline]

    def _styles(self, shown: Source) -> list[ChartStyle]:
        """How each chart is drawn: several have one time and one scale."""
        state = self._state
        if not self._twins:
            window = charts.window_of(shown.now, length=shown.length, is_live=shown.is_live)
            return [state.chart_style(window, shown.now)]
        least = _LEAST_SECONDS if shown.is_live else 1.0
        window = (0.0, max([shown.now, least, *(one.now for one in self._earlier)]))
        moments = [*(one.now for one in self._earlier), shown.now]
        styles = [state.twin_style(window, now) for now in moments]
        spans = charts.common_spans(list(zip(self._timelines(shown), styles, strict=False)))
        return [replace(style, spans=spans) for style in styles]


def _chart(timeline: Timeline, style: ChartStyle) -> ui.echart:
    return ui.echart(charts.option(timeline, style), renderer="svg").classes("chart")

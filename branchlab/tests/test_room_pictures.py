"""The map, the charts and the tables of the control room, made of a timeline."""

import json
import re
from itertools import pairwise

import pytest

from branchlab.checking.timeline.series import Series
from branchlab.screens.page import charts
from branchlab.screens.page.colours import DARK, LIGHT
from branchlab.screens.page.labels import Label, Room, bounds, placed
from branchlab.screens.page.lines import ChartStyle, stepped, summed
from branchlab.screens.page.map_svg import MapStyle, draw
from branchlab.screens.page.state import PageState
from branchlab.screens.page.tables import tables
from branchlab.screens.page.words import WORDS, clock
from branchlab.tests.timelines import NAMES, Told

PORTUGUESE = MapStyle("pt-BR", LIGHT)


def style(now: float = 20.0, **how: object) -> ChartStyle:
    return ChartStyle("en", LIGHT, charts.window_of(now, length=now, is_live=True), now, **how)  # type: ignore[arg-type]  # fields by their names


def in_map(picture: str, test_id: str, name: str) -> str:
    found = re.search(rf'data-testid="{test_id}"[^>]*data-{name}="([^"]*)"', picture)
    assert found is not None, test_id
    return found[1]


def run_with_a_stopped_branch() -> Told:
    told = Told()
    told.all_agree(1)
    told.fault(1, "stop", "filial-sul", at=(4, 5))
    told.sample(6, "filial-sul", None, state="stopped")
    told.owes(10, "matriz", "filial-sul", 12)
    told.owes(10, "filial-norte", "filial-sul", 3)
    return told


def test_the_map_has_the_number_of_every_directed_link() -> None:
    picture = draw(run_with_a_stopped_branch().timeline, 10.5, PORTUGUESE)
    assert in_map(picture, "link-matriz-filial-sul", "pending") == "12"
    assert in_map(picture, "link-filial-norte-filial-sul", "pending") == "3"
    assert in_map(picture, "link-filial-norte-matriz", "pending") == "0"


def test_what_a_silent_node_holds_is_a_question_mark_and_its_last_answer_has_an_age() -> None:
    picture = draw(run_with_a_stopped_branch().timeline, 10.5, PORTUGUESE)
    assert in_map(picture, "link-filial-sul-matriz", "pending") == "?"
    assert in_map(picture, "node-filial-sul", "state") == "stopped"
    assert "vista há 9 s" in picture


def test_an_answer_that_grows_old_is_not_shown_as_the_present() -> None:
    told = Told()
    told.all_agree(1)
    assert in_map(draw(told.timeline, 1.5, PORTUGUESE), "node-matriz", "state") == "running"
    assert in_map(draw(told.timeline, 4.0, PORTUGUESE), "node-matriz", "state") == "silent"
    assert in_map(draw(told.timeline, 4.0, PORTUGUESE), "link-matriz-filial-sul", "pending") == "?"


def test_a_broken_link_is_drawn_as_broken_both_ways() -> None:
    told = Told()
    told.all_agree(1)
    told.fault(1, "cut", "matriz↔filial-sul", at=(1.1, 1.2))
    picture = draw(told.timeline, 1.5, MapStyle("en", DARK))
    assert picture.count('class="link cut') == 2
    assert "matriz → filial-sul: 0 (cut)" in picture


def test_the_tables_say_the_same_as_the_map() -> None:
    told = run_with_a_stopped_branch()
    told.order(10, 1, "ok", response={})
    html = tables(told.timeline, 10.5, "en")
    assert "<td>matriz</td><td>filial-sul</td><td>12</td>" in html
    assert "<td>filial-sul</td><td>matriz</td><td>?</td>" in html
    assert "<td>filial-sul stopped</td><td>00:04</td><td>00:05</td><td></td>" in html
    assert "<td>201 confirmed</td><td>1</td>" in html


def test_bands_go_behind_all_charts_and_are_named_once() -> None:
    option = charts.option(run_with_a_stopped_branch().timeline, style(12))
    bands = [one for one in option["series"] if one["id"].startswith("bands-")]
    assert len(bands) == len(option["grid"]) == 4
    for band in bands:
        waiting, felt = band["markArea"]["data"]
        assert (waiting[0]["xAxis"], waiting[1]["xAxis"]) == (4, 5)
        assert (felt[0]["xAxis"], felt[1]["xAxis"]) == (5, 12)
    assert [one["markArea"]["data"][1][0]["name"] for one in bands] == ["sul stopped 00:04–", "", "", ""]


def test_a_healed_band_says_from_when_to_when() -> None:
    told = Told()
    told.fault(1, "cut", "matriz↔filial-sul", at=(42, 43, 104))
    assert charts.band_name(told.timeline.bands[0], "pt-BR") == "matriz↔sul cortado 00:42–01:44"


def test_a_line_stops_where_nobody_knows_and_goes_on_to_now() -> None:
    one = Series()
    for at, value in ((1, 4.0), (3, None), (5, 9.0)):
        one.add(at, value)
    assert stepped(one, (0, 30), 8) == [[1, 4.0], [3, 4.0], [3, None], [5, 9.0], [8, 9.0]]
    assert stepped(one, (6, 30), 8) == [[6, 9.0], [8, 9.0]]


def test_a_sum_is_unknown_where_a_part_is() -> None:
    one, other = Series(), Series()
    one.add(1, 4.0)
    other.add(1, 5.0)
    other.add(3, None)
    assert [point.value for point in summed([one, other]).points] == [9.0, None]


def test_many_points_are_drawn_as_few() -> None:
    one = Series()
    for at in range(10_000):
        one.add(at, float(at % 7))
    assert len(stepped(one, (0, 10_000), 10_000)) < 700


@pytest.mark.parametrize(
    ("values", "ends"),
    [([0.0, 17.0], (0, 20)), ([], (0, 1)), ([-6.0, 3.0], (-8, 4)), ([100.0], (0, 100)), ([0.23], (0, 0.25))],
)
def test_axes_end_at_round_numbers(values: list[float], ends: tuple[float, float]) -> None:
    assert bounds(values) == pytest.approx(ends)


def test_labels_stand_beside_their_lines_and_never_on_each_other() -> None:
    room = Room(top=0.1, height=0.2, gap=0.03)
    labels = [Label(str(value), value, "#000") for value in (0.0, 0.0, 1.0, 20.0)]
    found = placed(labels, 0, 20, room)
    heights = [y for _, y in found]
    assert [one.text for one, _ in found] == ["20.0", "1.0", "0.0", "0.0"]
    assert heights[0] == pytest.approx(0.1)
    assert all(after - before >= 0.0299 for before, after in pairwise(heights))
    assert heights[-1] <= 0.3 + 1e-9


def test_an_update_has_the_same_parts_as_the_whole_picture() -> None:
    """So that nothing of an earlier picture is left over in it."""
    told = run_with_a_stopped_branch()
    whole, later = charts.option(told.timeline, style(12)), charts.update(told.timeline, style(200))
    for part in ("series", "xAxis", "yAxis"):
        assert [one["id"] for one in whole[part]] == [one["id"] for one in later[part]]
    ids = [one["id"] for one in later["graphic"]["elements"]]
    assert ids == [one["id"] for one in whole["graphic"]["elements"]]
    json.dumps(whole)


def test_a_live_window_moves_on_and_a_recorded_run_is_whole() -> None:
    assert charts.window_of(5, length=5, is_live=True) == (0, 30)
    assert charts.window_of(500, length=500, is_live=True) == (320, 500)
    assert charts.window_of(5, length=500, is_live=False) == (0, 500)


def test_both_languages_have_every_word() -> None:
    assert WORDS["pt-BR"].keys() == WORDS["en"].keys()


@pytest.mark.parametrize(("seconds", "shown"), [(0, "00:00"), (104.9, "01:44"), (3723, "1:02:03")])
def test_the_clock_counts_the_run(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_two_nodes_that_are_selected_are_a_link() -> None:
    state = PageState()
    for node in NAMES:
        state.select(node)
    assert list(state.selected) == ["filial-norte", "filial-sul"]
    state.select("filial-sul")
    assert list(state.selected) == ["filial-norte"]


def test_escape_heals_only_when_it_is_pressed_twice() -> None:
    state = PageState()
    assert [state.escaped_twice(at) for at in (1.0, 3.0, 3.5)] == [False, False, True]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_is_read_on_its_background(theme: object) -> None:
    assert isinstance(theme, type(LIGHT))
    for text in (theme.text, theme.faint):
        for ground in (theme.background, theme.card):
            assert contrast(text, ground) >= 7, (text, ground)


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def band_names(how: ChartStyle) -> list[str]:
    told = run_with_a_stopped_branch()
    bands = next(one for one in charts.option(told.timeline, how)["series"] if "markArea" in one)
    return [area[0]["name"] for area in bands["markArea"]["data"] if area[0]["name"]]


def test_a_band_says_less_where_there_is_less_room() -> None:
    assert band_names(style()) == ["sul stopped 00:04–"]
    assert band_names(style(font=24)) == ["sul stopped"]
    assert band_names(style(is_twin=True)) == ["stopped"]


def test_charts_that_are_compared_have_one_scale() -> None:
    few, many = run_with_a_stopped_branch(), run_with_a_stopped_branch()
    many.owes(11, "matriz", "filial-sul", 90)
    spans = charts.common_spans([(few.timeline, style()), (many.timeline, style())])
    heights = [charts.option(told.timeline, style(spans=spans))["yAxis"][0]["max"] for told in (few, many)]
    assert heights[0] == heights[1] >= 90

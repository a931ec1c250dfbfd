"""The diagram of space and time, and the retries: what the log tells, and no more than can be read."""

from branchlab.nodes.contract import Status
from branchlab.screens.page.colours import LIGHT
from branchlab.screens.page.lines import ChartStyle, drawn, next_try
from branchlab.screens.page.map_svg import MapStyle
from branchlab.screens.page.space_time import MOST_ARROWS, space_time, window_of
from branchlab.screens.page.tables import tables
from branchlab.tests import readings
from branchlab.tests.timelines import NAMES, Told

STYLE = MapStyle("en", LIGHT)


def heads(node: str, matriz: int) -> Status:
    peers = [peer for peer in NAMES if peer != node]
    return readings.status(node, peers, heads={"matriz@1": matriz})


def sold(told: Told, *, at: float, number: int) -> None:
    """Matriz writes event `number`; Sul is seen to know it a second later."""
    told.sample(at, "matriz", heads("matriz", number))
    told.sample(at + 1, "filial-sul", heads("filial-sul", number))


def test_an_arrow_leads_from_where_an_event_was_written_to_where_it_arrived() -> None:
    told = Told()
    told.all_agree(1)
    sold(told, at=10, number=6)
    picture = space_time(told.timeline, (5, 30), STYLE)
    assert picture.count('class="arrow"') == 1
    assert "00:10 matriz: wrote matriz 6 {matriz: 2}" in picture
    assert "00:11 filial-sul: received matriz 6" in picture


def test_what_began_before_the_window_has_no_arrow_in_it() -> None:
    told = Told()
    told.all_agree(1)
    sold(told, at=10, number=6)
    assert 'class="arrow"' not in space_time(told.timeline, (10.5, 30), STYLE)


def test_more_arrows_than_can_be_read_are_told_together() -> None:
    told = Told()
    told.all_agree(1)
    many = MOST_ARROWS + 40
    for number in range(many):
        sold(told, at=2 + number / 100, number=6 + number)
    picture = space_time(told.timeline, (0, 30), STYLE)
    assert picture.count('class="arrow"') <= 5
    assert "×" in picture


def test_arrows_still_find_their_cause_after_older_things_were_forgotten() -> None:
    told = Told(keep_seconds=50)
    told.all_agree(1)
    for number in range(100):
        sold(told, at=2.0 + 2 * number, number=6 + number)
    assert told.timeline.happened.forgotten > 0
    picture = space_time(told.timeline, window_of(told.timeline.now, is_live=True), STYLE)
    assert picture.count('class="arrow"') >= 13


def test_a_live_diagram_shows_the_last_half_minute_and_a_replay_what_led_up_to_its_moment() -> None:
    assert window_of(100, is_live=True) == (70, 100)
    assert window_of(5, is_live=True) == (0, 30)
    assert window_of(5, is_live=False) == (0, 5)


def test_retries_count_up_with_a_countdown_to_the_next_and_end_with_the_first_success() -> None:
    told = Told()
    link = ("matriz", "filial-norte")
    for at, attempts in ((1.0, 0), (2.0, 1), (4.0, 2)):
        said = readings.status("matriz", ["filial-norte", "filial-sul"], pending=2, next_try=8.0)
        said["peers"]["filial-norte"]["attempts"] = attempts
        told.sample(at, "matriz", said)
    assert next_try(told.timeline, link, 4.5) == 7.5
    style = ChartStyle("en", LIGHT, (0, 30), 4.5, ("retries",))
    line = next(one for one in drawn("retries", told.timeline, style) if one.series["name"] == "matriz→norte")
    assert line.series["data"][-1] == [4.5, 2]
    assert line.label is not None
    assert line.label.text == "matriz→norte 2, in 8 s"
    assert "<td>matriz</td><td>filial-norte</td><td>2</td><td>8</td>" in tables(told.timeline, 4.5, "en")
    told.all_agree(6)
    assert told.timeline.retries[link].last == 0
    told.sample(7, "matriz", None)
    assert told.timeline.retries[link].last is None

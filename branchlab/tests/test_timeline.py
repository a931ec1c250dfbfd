"""The model behind screens, replays and the report: what a run did over time, from its records alone."""

from string import Formatter

import pytest

from branchlab.checking.timeline.lag import Arrival, Lags, percentile
from branchlab.checking.timeline.model import links_in
from branchlab.checking.timeline.series import Point, Series
from branchlab.checking.timeline.timeline import timeline_of
from branchlab.checking.timeline.words import FAULTS, STORY
from branchlab.tests import readings
from branchlab.tests.timelines import NAMES, Told

SUL = ("matriz", "filial-sul")


def test_pending_is_a_step_line_for_each_directed_link() -> None:
    told = Told()
    for at, count in ((1, 0), (2, 3), (3, 3), (4, 0)):
        told.owes(at, "matriz", "filial-sul", count)

    assert told.timeline.pending[SUL].points == [Point(1, 0), Point(2, 3), Point(4, 0)]
    assert told.timeline.pending[SUL].seen == 4
    assert len(told.timeline.pending) == 6


def test_what_a_silent_node_holds_is_a_gap_and_never_zero() -> None:
    told = Told()
    told.owes(1, "matriz", "filial-sul", 7)
    told.sample(2, "matriz", None)
    told.owes(5, "matriz", "filial-sul", 9)

    series = told.timeline.pending[SUL]
    assert [point.value for point in series.points] == [7, None, 9]
    assert list(series.gaps(6)) == [(2, 5)]
    assert told.timeline.rights["matriz"].at(3) is None


def test_a_count_that_a_node_itself_does_not_know_is_a_gap_too() -> None:
    told = Told()
    told.owes(1, "matriz", "filial-sul", None)
    assert told.timeline.pending[SUL].last is None
    assert told.timeline.converged is None


def test_the_last_answer_of_a_silent_node_grows_old() -> None:
    told = Told()
    told.all_agree(3)
    told.sample(4, "filial-sul", None, state="stopped")
    view = told.timeline.nodes["filial-sul"]

    assert (view.answers, view.state, view.age(10)) == (False, "stopped", 7)
    assert view.status is not None
    assert told.timeline.converged is None


def test_a_fault_has_three_moments_and_names_what_it_touches() -> None:
    told = Told()
    told.fault(1, "cut", "matriz↔filial-sul", at=(1, 2, 5))
    told.fault(2, "stop", "filial-norte", at=(6, 7), lease_seconds=60)
    cut, stop = told.timeline.bands

    assert (cut.requested, cut.active, cut.healed) == (1, 2, 5)
    assert cut.links == (SUL, SUL[::-1])
    assert cut.nodes == SUL
    assert (stop.nodes, stop.links, stop.healed, stop.lease_seconds) == (("filial-norte",), (), None, 60)
    assert told.timeline.open_bands == [stop]
    assert [band.is_open_at(6.5) for band in (cut, stop)] == [False, True]


def test_a_fault_that_ended_by_its_lease_is_told_so() -> None:
    told = Told()
    told.fault(1, "slow", "matriz→filial-sul", at=(1, 2))
    told.add(9, "fault.healed", id=1, by="lease")
    assert told.timeline.bands[0].ended == "lease"
    assert told.story()[-1] == "Ended by itself after 8.0 s: matriz→filial-sul slow."
    assert links_in("a→b, c↔d") == (("a", "b"), ("c", "d"), ("d", "c"))


def test_orders_are_counted_by_second_and_by_outcome() -> None:
    told = Told()
    told.order(1.2, 1, "ok", response={})
    told.order(1.9, 2, "fail", status=409, code="out_of_stock")
    told.order(1.9, 3, "fail", status=403, code="forbidden")
    told.order(2.0, 4, "info", reason="503 no_code")
    told.order(2.1, 5, "info", reason="ReadTimeout")
    told.order(2.2, 6, "fail", status=0, code="unreachable")

    assert told.timeline.seconds[1].outcomes == {"created": 1, "conflict": 1, "forbidden": 1}
    assert told.timeline.seconds[2].outcomes == {"broken": 1, "unanswered": 2}


def test_a_lag_runs_from_the_first_sight_at_home_to_the_first_sight_at_the_peer() -> None:
    lags = Lags()
    lags.add("a", 0, {"a@1": 10})
    assert lags.add("b", 0, {"a@1": 10}) == []
    lags.add("a", 1, {"a@1": 12})
    lags.add("a", 3, {"a@1": 15})
    assert lags.add("b", 4, {"a@1": 16}) == [Arrival(4, 3, 2), Arrival(4, 1, 3), Arrival(4, 0, 1)]
    assert lags.percentiles() == (1, 3)


def test_events_that_were_there_before_the_first_look_have_no_lag() -> None:
    lags = Lags()
    lags.add("a", 5, {"a@1": 100})
    lags.add("b", 5, {"a@1": 40})
    assert lags.add("b", 6, {"a@1": 100}) == []
    assert percentile([], 0.5) is None


def test_units_sold_too_often_are_below_zero() -> None:
    told = Told()
    said = readings.status("matriz", NAMES[1:])
    told.sample(1, "matriz", {**said, "stock": {"available": 0, "frozen": 0, "here": 0, "oversold": 6}})
    assert told.timeline.stock["matriz"].last == -6
    assert told.story()[-1] == "OVERSOLD: matriz sees 6 units that are not there."


def test_the_story_tells_of_a_branch_that_is_away_and_comes_back() -> None:
    told = Told()
    told.all_agree(1)
    told.fault(1, "stop", "filial-sul", at=(2, 3))
    told.sample(4, "filial-sul", None)
    told.owes(5, "matriz", "filial-sul", 12)
    told.owes(6, "matriz", "filial-sul", 14)
    told.add(8, "fault.healed", id=1)
    told.owes(9, "filial-sul", "matriz", 0)
    told.all_agree(10)

    assert told.story("pt-BR") == [
        "Começa o registro de test, com 3 filiais.",
        "filial-sul parada.",
        "filial-sul não responde: o que ela tem é desconhecido.",
        "12 eventos esperam por filial-sul.",
        "Curada depois de 6,0 s: filial-sul parada.",
        "filial-sul responde de novo, depois de 5,0 s.",
        "filial-sul recebeu tudo o que estava pendente.",
        "Convergiu depois de 5,0 s: todas as filiais mostram o mesmo.",
    ]


def test_refusals_of_one_kind_are_told_together() -> None:
    told = Told()
    for number in range(5):
        told.order(1 + number, number, "fail", status=409, code="out_of_stock")
    told.order(22, 9, "fail", status=409, code="out_of_stock")
    assert told.story()[1:] == [
        "matriz refused 1 order(s): no rights left to sell.",
        "matriz refused 5 order(s): no rights left to sell.",
    ]


def test_what_a_person_did_by_hand_is_told_one_by_one() -> None:
    told = Told()
    told.order(1, 1, "ok", response={}, by="hand")
    told.order(2, 2, "ok", response={})
    assert told.story()[1:] == ["Sold by hand at matriz: 2 × CAFE, confirmed."]


def test_an_opinion_says_since_when_it_holds() -> None:
    told = Told()
    for at, result in ((1, "UNKNOWN"), (2, "PASS"), (3, "PASS"), (4, "FAIL")):
        told.add(at, "opinion", result=result, promises={"lost": result}, problems=["lost: x"])

    assert [(one.at, one.result) for one in told.timeline.opinions] == [
        (1, "UNKNOWN"),
        (2, "PASS"),
        (4, "FAIL"),
    ]
    assert told.timeline.opinion is not None
    assert told.timeline.opinion.promises["session"] is None
    assert told.story()[-1] == "Verdict FAIL: lost: x"


def test_a_voter_has_one_vote_until_the_question_is_closed() -> None:
    told = Told()
    told.add(1, "question", question=1, text="10?", choices=["more", "10", "less"])
    for voter, choice in (("a", 0), ("b", 1), ("a", 1), ("c", 7)):
        told.add(2, "vote", question=1, voter=voter, choice=choice)
    told.add(3, "question.closed", question=1)
    told.add(4, "vote", question=1, voter="d", choice=0)
    assert told.timeline.questions[1].tally == [0, 2, 0]


def test_a_replay_shows_what_the_live_screen_showed_at_that_moment() -> None:
    told = Told()
    told.all_agree(1)
    told.fault(1, "cut", "matriz↔filial-sul", at=(2, 3))
    told.owes(4, "matriz", "filial-sul", 20)
    live_story = told.story()
    told.add(9, "fault.healed", id=1)

    replayed = timeline_of(told.records, until=8)
    assert [line.said("en") for line in replayed.story] == live_story
    assert replayed.open_bands
    assert replayed.pending[SUL].last == 20


def test_a_long_session_stays_small() -> None:
    told = Told(keep_seconds=100)
    for at in range(1000):
        told.owes(at, "matriz", "filial-sul", at)
        told.order(at, at, "ok", response={})
        told.fault(at, "cut", "matriz→filial-sul", at=(at, at, at))
        told.add(at, "question", question=at + 1, text="?", choices=["a", "b"])
        told.add(at, "question.closed", question=at + 1)
    timeline = told.timeline

    assert len(timeline.pending[SUL].points) <= 112
    assert len(timeline.seconds) <= 112
    assert len(timeline.bands) <= 112
    assert len(timeline.questions) <= 112
    assert timeline.happened.since(0)[0].at >= 888
    assert len(timeline.happened.asked) == 0
    assert min(line.at for line in timeline.story[:-40]) >= 888


def test_a_question_that_is_open_is_never_forgotten_and_neither_is_the_newest_story() -> None:
    told = Told(keep_seconds=100)
    told.add(1, "question", question=1, text="?", choices=["a", "b"])
    for at in range(2, 1000, 5):
        told.all_agree(at)
    told.add(999, "vote", question=1, voter="ana", choice=1)
    assert told.timeline.questions[1].tally == [0, 1]
    assert told.story()[-1] == "A question to the class: ?"


def test_a_value_that_held_is_kept_when_what_was_before_is_forgotten() -> None:
    series = Series()
    for at, value in ((1, 5.0), (2, 6.0), (9, 7.0)):
        series.add(at, value)
    series.forget_before(4)
    assert series.points == [Point(2, 6.0), Point(9, 7.0)]
    assert series.at(4) == 6.0


@pytest.mark.parametrize("table", [STORY, FAULTS])
def test_both_languages_say_the_same_with_the_same_facts(table: dict[str, dict[str, str]]) -> None:
    portuguese, english = table["pt-BR"], table["en"]
    assert portuguese.keys() == english.keys()
    for what, text in english.items():
        facts = {name for _, name, _, _ in Formatter().parse(text) if name}
        assert {name for _, name, _, _ in Formatter().parse(portuguese[what]) if name} == facts, what

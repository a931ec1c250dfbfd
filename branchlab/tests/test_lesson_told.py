"""What a log tells of a lesson: lines of theory and class beside what is observed, votes of every kind."""

from dataclasses import replace
from typing import Any

import pytest

from branchlab.checking.timeline.lesson import DrawnLine, Expected, middle_line
from branchlab.checking.timeline.questions import Question
from branchlab.screens.page.colours import LIGHT
from branchlab.screens.page.lesson_html import paper, progress, results
from branchlab.screens.page.lines import ChartStyle, drawn
from branchlab.teaching.lesson.comparing import seen_words, table_lines
from branchlab.teaching.lesson.facts import fact_words, known_facts
from branchlab.teaching.lesson.loader import load_all
from branchlab.tests.timelines import Told

BOTH = {"pt-BR": "quantos?", "en": "how many?"}
LINK = ("matriz", "filial-sul")
SUL = {"sender": LINK[0], "receiver": LINK[1]}


def lesson(*votes: Any, of: str = "curve", observe: str = "outage.pending.matriz.filial-sul") -> Told:
    """A run in which orders are sold from second 10 on while a branch is away."""
    told = Told()
    told.all_agree(1)
    told.add(2, "lesson.title", **{"pt-BR": "Parada", "en": "Down"})
    told.add(2, "prediction", number=0, of=of, question=BOTH, unit="events", observe=observe, votes=votes)
    step = {"number": 3, "of": 9, "step": "sells", "name": "outage", "pt-BR": "vende", "en": "sells"}
    told.add(10, "lesson.step", **step)
    told.add(10, "lesson.theory", step="outage", **SUL, start=0, per_second=4, seconds=30)
    return told


def lines_of(told: Told) -> list[DrawnLine]:
    assert told.timeline.lesson is not None
    return list(told.timeline.lesson.lines())


def test_theory_is_drawn_from_where_its_step_began_as_long_as_it_lasts() -> None:
    (theory,) = lines_of(lesson())
    assert (theory.of, theory.link, theory.points) == ("theory", LINK, ((10, 0), (40, 120)))
    assert (theory.value, theory.unit) == (120, "events")


def test_a_class_that_says_numbers_and_draws_lines_has_the_line_in_their_middle() -> None:
    _, drawn_by_class = lines_of(lesson(60, 120, [[0, 0], [15, 100], [30, 200]]))
    assert drawn_by_class.of == "class"
    assert drawn_by_class.points == ((10, 0), (25, 60), (40, 120))


def test_a_line_is_level_beyond_its_end_and_a_number_is_a_straight_line() -> None:
    assert middle_line([10], 5) == ((0, 0), (5, 10))
    assert middle_line([((0.0, 4.0), (2.0, 8.0))], 5) == ((0.0, 4.0), (2.0, 8.0))


def test_how_long_it_drains_is_drawn_from_the_backlog_down_to_nothing() -> None:
    told = lesson(6, of="number", observe="back.seconds")
    told.add(50, "lesson.theory", step="back", **SUL, start=100, per_second=-10, seconds=10)
    theory, said = lines_of(told)
    assert (theory.points, theory.value, theory.unit) == (((50, 100), (60, 0)), 10, "seconds")
    assert (said.points, said.value) == (((50, 100), (56, 0)), 6)


def test_a_link_that_nothing_limits_has_no_line_of_theory() -> None:
    told = lesson(of="number", observe="back.seconds")
    told.add(50, "lesson.theory", step="back", **SUL, start=100, per_second=None, seconds=None)
    assert lines_of(told) == []


def test_the_chart_draws_both_lines_beside_the_observed_one_and_holds_them_whole() -> None:
    told = lesson(200)
    style = ChartStyle("en", LIGHT, (0, 60), 50)
    found = {str(one.series["id"]): one for one in drawn("pending", told.timeline, style)}
    assert found["lesson-0-theory"].series["data"] == [[10, 0], [40, 120]]
    assert found["lesson-1-class"].series["data"] == [[10, 0], [40, 200]]
    assert max(found["lesson-1-class"].values) == 200
    label = found["lesson-0-theory"].label
    assert label is not None
    assert label.text == "theory 120"


def test_once_it_is_seen_each_line_says_beside_it_how_far_it_was_off() -> None:
    told = lesson(60)
    result = {"predicted": 60, "theory": 120, "observed": 118, "class_error": 49.2, "theory_error": 1.7}
    told.add(60, "prediction.result", number=0, unit="events", curve_error=30.0, **result)
    style = ChartStyle("pt-BR", LIGHT, (0, 60), 60)
    names = [one.series["name"] for one in drawn("pending", told.timeline, style)]
    assert names[-2:] == ["teoria 120 (erro 2%)", "turma 60 (erro 49%)"]
    large = drawn("pending", told.timeline, replace(style, font=24))
    assert [one.series["name"] for one in large][-2:] == ["teoria 120 (2%)", "turma 60 (49%)"]


def test_every_fact_that_the_lesson_expects_has_words() -> None:
    facts = {one.that for loaded in load_all() for one in loaded.lesson.expect}
    assert {name for fact in facts if (name := fact.split(".")[1]) not in known_facts()} == set()
    assert fact_words("after.here.filial-sul", "en") == "units that sul may sell without asking"
    assert fact_words("both.418", "en") == "418"


def test_what_was_not_seen_or_is_only_bounded_says_what_was_expected() -> None:
    bounded = Expected("out.pending.a.b", "about 120 (±5%)", 119.5, holds=True)
    assert seen_words(bounded, "pt-BR") == "✓ 120 (esperado: cerca de 120 (±5%))"
    assert seen_words(Expected("a.digest", "0123456789ab", "0123456789abcdef", holds=True), "en") == (
        "✓ 0123456789ab"
    )
    assert seen_words(Expected("a.ok", "1", None, holds=None), "en") == "? not seen (expected 1)"


def test_the_story_tells_each_step_in_the_language_of_the_page() -> None:
    told = lesson()
    assert "Step 3 of 9: sells." in told.story("en")
    assert "Passo 3 de 9: vende." in told.story("pt-BR")


def test_results_show_class_theory_and_what_was_seen_with_their_errors() -> None:
    told = lesson(60)
    assert told.timeline.lesson is not None
    assert 'aria-current="step"' in progress(told.timeline.lesson, "en")
    result = {"predicted": 60, "theory": 120, "observed": 118, "class_error": 49.2, "theory_error": 1.7}
    told.add(60, "prediction.result", number=0, unit="events", curve_error=30.0, **result)
    told.add(61, "expect", that="outage.ok", expected="about 60 (±5%)", observed=59, holds=True)
    told.add(61, "expect", that="outage.lost", expected="0", observed=1, holds=False)
    told.add(62, "lesson.explain", **{"pt-BR": "A fila <fica>.", "en": "The queue <stays>."})
    said = results([told.timeline], "en")
    for part in ("60 (49.2% off)", "best line 30% off", "120 (1.7% off)", "118 events", "1 of 2"):
        assert part in said, part
    assert "The queue &lt;stays&gt;." in said
    assert "49,2%" in results([told.timeline], "pt-BR")
    assert 'aria-current="step"' not in progress(told.timeline.lesson, "en")


def test_a_scenario_under_two_policies_shows_what_was_seen_under_each() -> None:
    one, other = lesson(), lesson()
    one.timeline.policy, other.timeline.policy = "optimistic", "escrow"
    for told in (one, other):
        told.add(61, "expect", that="both.ok", expected="16", observed=16, holds=True)
    other.add(62, "expect", that="both.409", expected="6", observed=5, holds=False)
    one.add(62, "lesson.short", step="outage", orders=["SUL-1", "SUL-2"])
    one.add(62, "expect", that="outage.oversold", expected="2", observed=2, holds=True)
    said = results([one.timeline, other.timeline], "en")
    for part in (
        '<th scope="row">orders confirmed (201)</th><td class="PASS">✓ 16</td><td class="PASS">✓ 16</td>',
        '<td>–</td><td class="FAIL">✗ 5 (expected 6)</td>',
        "3/9 sells",
        "Apologise for: SUL-1, SUL-2</td></tr>",
    ):
        assert part in said, part
    heads = said.rpartition("<thead>")[2].partition("</thead>")[0].split("</th>")
    assert [("optimistic" in head, "2 of 2" in head, "1 of 2" in head) for head in heads[:2]] == [
        (True, True, False),
        (False, False, True),
    ]


def test_orders_that_went_with_a_disk_are_named_where_they_were_lost() -> None:
    told = lesson()
    told.add(61, "lesson.gone", step="outage", orders=["NORTE-21", "NORTE-22"])
    told.add(61, "expect", that="outage.lost", expected="2", observed=2, holds=True)
    told.add(61, "expect", that="outage.digests", expected="1", observed=1, holds=True)
    counted, named, rest = (
        results([told.timeline], "en").find(part)
        for part in (
            "orders lost",
            '<td class="gone" colspan="2">Gone with the disk: NORTE-21, NORTE-22</td>',
            "digests (1: all alike)",
        )
    )
    assert 0 < counted < named < rest
    assert "Perdidos com o disco: NORTE-21, NORTE-22" in results([told.timeline], "pt-BR")


def test_a_terminal_has_the_policies_in_columns() -> None:
    one, other = lesson(), lesson()
    one.add(61, "expect", that="outage.ok", expected="16", observed=16, holds=True)
    other.add(61, "expect", that="outage.ok", expected="10", observed=10, holds=True)
    one.add(62, "lesson.short", step="outage", orders=["SUL-1"])
    assert one.timeline.lesson is not None
    assert other.timeline.lesson is not None
    plays = [("optimistic", one.timeline.lesson), ("escrow", other.timeline.lesson)]
    assert table_lines(plays, "en") == [
        "  Side by side              without rights (optimistic)  with rights (escrow)",
        "  3/9 sells",
        "    orders confirmed (201)  ✓ 16                         ✓ 10",
        "    Apologise for: SUL-1",
    ]


def test_the_paper_keeps_a_line_within_its_edges() -> None:
    drawing = paper(((0, 0), (30, 500)), 100, {"lesson_paper": "line"})
    assert "M48.0 104.0 L290.0 10.0" in drawing


def asked(of: str) -> Question:
    record = {"question": 1, "text": "?", "choices": ["a", "b"], "of": of, "texts": BOTH}
    return Question.of_record(0.0, {"kind": "question", "at_ns": 0, **record})


@pytest.mark.parametrize(
    ("of", "said", "counts"),
    [
        ("choice", 1, True),
        ("choice", 2, False),
        ("choice", True, False),
        ("choice", 0.5, False),
        ("number", 12.5, True),
        ("number", -1, False),
        ("number", float("nan"), False),
        ("number", "12", False),
        ("curve", [[0, 0], [10, 5]], True),
        ("curve", 40, True),
        ("curve", [[0, 0]], False),
        ("curve", [[10, 0], [0, 5]], False),
        ("curve", [[0, 0], [10, -5]], False),
        ("curve", [[0, 0], "x"], False),
        ("curve", [[n, 0] for n in range(41)], False),
    ],
)
def test_only_an_answer_to_the_question_is_a_vote(of: str, said: Any, counts: bool) -> None:
    question = asked(of)
    question.vote("ana", said)
    assert (question.votes != {}) is counts


def test_a_question_is_said_in_the_language_of_whoever_reads_it() -> None:
    assert asked("number").said("pt-BR") == "quantos?"
    assert Question(1, "as asked", ("a",), 0.0).said("pt-BR") == "as asked"

"""One scenario under several policies, side by side: each thing that should be seen, with a cell for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from branchlab.checking.timeline.lesson import Expected, LessonStep, LessonTold
from branchlab.language import Language, tables
from branchlab.teaching.lesson.facts import fact_words
from branchlab.teaching.lesson.words import WORDS

_POLICIES = tables(
    {
        "optimistic": "without rights (optimistic)",
        "escrow": "with rights (escrow)",
    }
)
_MARKS = {True: "✓", False: "✗", None: "?"}
KINDS = {True: "PASS", False: "FAIL", None: "UNKNOWN"}
"""Whether an expectation held → the word for that, by which pages also colour it."""
_TEXTS = tables(
    {
        "step": "{number}/{of} {said}",
        "expected": "{seen} (expected {expected})",
        "unseen": "not seen",
        "side_by_side": "Side by side",
        "short": "Apologise for: {orders}",
        "gone": "Gone with the disk: {orders}",
    }
)
_COUNTED = {"short": "short", "gone": "lost"}
"""What orders are named for → the fact that counts them."""
_SHOWN = 12  # characters, as of a digest
Cells = Sequence[Expected | None]
"""What was seen under each policy, in their order; None where nothing was to be seen under that one."""
Named = tuple[Literal["short", "gone"], Sequence[str]]
"""Orders by their numbers: sold without units for them, or gone with a disk."""


@dataclass(frozen=True)
class Part:
    """A step, and what should be seen after it: (fact, cells)."""

    step: LessonStep | None
    rows: Sequence[tuple[str, Cells]]


def side_by_side(lessons: Sequence[LessonTold]) -> list[Part]:
    """Every fact that was judged in any of these plays of one scenario, step by step."""
    judged = [{one.that: one for one in lesson.expected} for lesson in lessons]
    facts = list(dict.fromkeys(fact for one in judged for fact in one))
    steps = {step.name: step for lesson in lessons for step in lesson.steps if step.name is not None}
    order = list(dict.fromkeys([*steps, *(fact.partition(".")[0] for fact in facts)]))
    parts = []
    for name in order:
        rows = [(fact, [one.get(fact) for one in judged]) for fact in facts if fact.partition(".")[0] == name]
        if rows:
            parts.append(Part(steps.get(name), rows))
    return parts


def policy_words(policy: str, language: Language) -> str:
    """How a network sells, in words."""
    return _POLICIES[language].get(policy, policy)


def step_words(step: LessonStep, language: Language) -> str:
    """A step with its number."""
    return _TEXTS[language]["step"].format(number=step.number, of=step.of, said=step.said[language])


def seen_words(one: Expected | None, language: Language) -> str:
    """What was seen with its mark, and what was expected where that says more; a dash for nothing."""
    said = unmarked_words(one, language)
    return said if one is None else f"{_MARKS[one.holds]} {said}"


def unmarked_words(one: Expected | None, language: Language) -> str:
    """What `seen_words` says, for a place that shows by other means whether it was expected."""
    if one is None:
        return "–"
    words, seen = WORDS[language], str(one.observed)[:_SHOWN]
    said = _TEXTS[language]["unseen"] if one.observed is None else seen
    if isinstance(one.observed, int | float) and not isinstance(one.observed, bool):
        said = words.number(one.observed)
    if not (one.holds and one.expected in (seen, said)):
        said = _TEXTS[language]["expected"].format(seen=said, expected=words.expected(one.expected))
    return said


def named_orders(told: LessonTold, part: Part, fact: str) -> list[Named]:
    """The orders that are named below a row of a part: their customers must be told of them. They stand below
    the row that counts them, or below the last one."""
    step = part.step.name if part.step is not None else None
    if step is None:
        return []
    facts = [name for name, _ in part.rows]
    found: tuple[Named, ...] = (("short", told.short.get(step, ())), ("gone", told.gone.get(step, ())))
    counted = {kind: f"{step}.{name}" for kind, name in _COUNTED.items()}
    below = {kind: name if name in facts else facts[-1] for kind, name in counted.items()}
    return [(kind, orders) for kind, orders in found if orders and below[kind] == fact]


def named_words(named: Named, language: Language) -> str:
    """What customers are told of these orders, and which these are."""
    kind, orders = named
    return _TEXTS[language][kind].format(orders=", ".join(orders))


def table_lines(plays: Sequence[tuple[str, LessonTold]], language: Language) -> list[str]:
    """The comparison for a terminal: a column for each (policy, what the log of its play told)."""
    lessons = [told for _, told in plays]
    heads = [policy_words(policy, language) for policy, _ in plays]
    rows: list[tuple[str, Sequence[str]]] = [(f"  {_TEXTS[language]['side_by_side']}", heads)]
    for part in side_by_side(lessons):
        if part.step is not None:
            rows.append((f"  {step_words(part.step, language)}", ()))
        for fact, cells in part.rows:
            rows.append((f"    {fact_words(fact, language)}", [seen_words(one, language) for one in cells]))
            rows += [
                (f"    {named_words(named, language)}", ())
                for one in lessons
                for named in named_orders(one, part, fact)
            ]
    first = max(len(said) for said, cells in rows if cells)
    wide = [max(len(cells[place]) for _, cells in rows if cells) for place in range(len(heads))]
    return [
        "  ".join(
            [said.ljust(first), *(cell.ljust(wide[place]) for place, cell in enumerate(cells))]
        ).rstrip()
        for said, cells in rows
    ]

"""The report's texts: each one in Portuguese and in English."""

from collections.abc import Mapping, Sequence

from branchlab.language import LANGUAGES, Language, tables

OUTCOMES: Mapping[str, str] = {
    "created": "201",
    "conflict": "409",
    "unauthorized": "401",
    "forbidden": "403",
    "other": "4xx",
    "broken": "5xx",
    "unanswered": "—",
}


TEXTS = tables(
    {
        "title": "Report of the network of branches",
        "language": "Português",
        "verdict": "Verdict",
        "promises": "Promises",
        "predictions": "Predictions and results",
        "question": "Question",
        "class": "Class",
        "theory": "Theory",
        "observed": "Observed",
        "error": "Error",
        "expected": "What should be seen",
        "why": "Why",
        "hypothesis": "Hypothesis",
        "timeline": "What happened, over time",
        "pending": "Pending events by link",
        "stock": "The company's stock, as each branch knows it",
        "lag": "Replication lag (s)",
        "orders": "Orders a second, by outcome",
        "space_time": "Space and time: who knew what, and from where",
        "space_time_note": "A dot is something that happened at a branch; an arrow leads from an event to"
        " where it arrived.",
        "faults": "Faults",
        "fault": "Fault",
        "from_to": "From – to (s)",
        "story": "The story",
        "counterexample": "Counter-example",
        "environment": "Environment",
        "gap": "Hatched: nobody knows. Bands: faults.",
        "side_by_side": "Side by side",
        "untested": "untested ## of a promise",
        "open": "to the end",
    }
)

PROMISES = tables(
    {
        "lost": "no acknowledged order is lost",
        "duplicated": "an order exists once for each key",
        "oversold": "no more units are sold than came in",
        "rights": "units and rights are neither made nor lost",
        "converged": "all branches show the same",
        "monotone": "what a branch knows only grows",
        "session": "what a branch confirmed is read there",
        "authentic": "nothing is there that nobody asked for",
    }
)

ENVIRONMENT = tables(
    {
        "run": "run",
        "began": "began (UTC)",
        "driver": "driver",
        "policy": "policy",
        "seed": "seed",
        "nodes": "branches",
        "sqlite": "SQLite",
        "records": "records",
        "seconds": "length (s)",
    }
)


def both(table: Mapping[Language, Mapping[str, str]], name: str) -> Sequence[str]:
    """The text in Portuguese and in English."""
    return [table[language][name] for language in LANGUAGES]

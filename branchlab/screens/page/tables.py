"""The numbers of the screens as tables: for people who do not see the charts, and for programs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from branchlab.checking.timeline.model import OUTCOMES, Outcome
from branchlab.checking.timeline.timeline import Timeline
from branchlab.checking.timeline.words import FAULTS
from branchlab.language import Language
from branchlab.screens.page.lines import next_try
from branchlab.screens.page.map_svg import is_stale, pending_on, state_of
from branchlab.screens.page.words import WORDS, clock

Row = Sequence[object]


def tables(timeline: Timeline, now: float, language: Language) -> str:
    """Pending per link, nodes, faults and orders, as HTML."""
    words = WORDS[language]
    return (
        _table(
            "pending",
            words["table_pending"],
            _heads(words, "from", "to", "pending"),
            _pending(timeline, now, words),
        )
        + _table(
            "retries",
            words["table_retries"],
            _heads(words, "from", "to", "attempts", "due"),
            _retries(timeline, now),
        )
        + _table(
            "nodes",
            words["table_nodes"],
            _heads(words, "node", "state", "rights", "stock"),
            _nodes(timeline, now, words),
        )
        + _table(
            "bands",
            words["table_bands"],
            _heads(words, "fault", "requested", "active", "healed"),
            _bands(timeline, language),
        )
        + _table("orders", words["table_orders"], _heads(words, "outcome", "count"), _orders(timeline, words))
    )


def _heads(words: Mapping[str, str], *names: str) -> list[str]:
    return [words[f"column_{name}"] for name in names]


def _pending(timeline: Timeline, now: float, words: Mapping[str, str]) -> Iterable[Row]:
    for link in timeline.pending:
        yield (*link, _shown(pending_on(timeline, link, now)))


def _retries(timeline: Timeline, now: float) -> Iterable[Row]:
    for link, series in timeline.retries.items():
        known = series.last if not is_stale(timeline.nodes[link[0]], now) else None
        yield (*link, _shown(known), _shown(next_try(timeline, link, now)) if known else "")


def _nodes(timeline: Timeline, now: float, words: Mapping[str, str]) -> Iterable[Row]:
    for name, view in timeline.nodes.items():
        known = not is_stale(view, now)
        rights = timeline.rights[name].last if known else None
        stock = timeline.stock[name].last if known else None
        yield name, words[state_of(view, now)], _shown(rights), _shown(stock)


def _bands(timeline: Timeline, language: Language) -> Iterable[Row]:
    for band in timeline.bands:
        moments = (band.requested, band.active, band.healed)
        said = f"{band.target} {FAULTS[language].get(band.fault, band.fault)}"
        yield (said, *("" if one is None else clock(one) for one in moments))


def _orders(timeline: Timeline, words: Mapping[str, str]) -> Iterable[Row]:
    totals: Counter[Outcome] = Counter()
    for second in timeline.seconds.values():
        totals += second.outcomes
    for outcome in OUTCOMES:
        yield words[f"outcome_{outcome}"], totals[outcome]


def _shown(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"


def _table(name: str, caption: str, heads: Sequence[str], rows: Iterable[Row]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<table data-testid="table-{name}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )

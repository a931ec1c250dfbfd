"""No more units are sold than came in."""

from collections import Counter
from collections.abc import Iterator

from branchlab.checking.checker import others
from branchlab.checking.checker.finding import Finding
from branchlab.checking.evidence import Evidence
from branchlab.checking.reads import Units, units_of
from branchlab.language import deferred
from branchlab.nodes.contract import Stock
from branchlab.nodes.keys import same_key


def units_oversold(evidence: Evidence) -> Units:
    """Units sold beyond the most that can have been there: before the run, received in it, or cancelled in
    it."""
    oversold = _sold_by_log(evidence) - _stocked_by_log(evidence)
    uncancelled = evidence.uncancelled()
    sold: Units = Counter()
    for order in evidence.final_orders().values():
        if order["status"] != "cancelled" and order["id"] not in uncancelled:
            sold += units_of(order["lines"])
    oversold |= sold - _received_by_reads(evidence) - evidence.found() - others.found(evidence)
    for read in evidence.final.values():
        oversold |= Counter({sku: -stock["available"] for sku, stock in read.stock.items()})
    return +oversold


def check(evidence: Evidence, oversold: Units) -> Iterator[Finding]:
    """Every product that is oversold. Where a run may oversell: every node that does not report exactly
    that."""
    if evidence.may_oversell:
        for words in _undeclared(evidence, oversold):
            yield Finding("oversold", words, doubts=("late",))
    else:
        for words in _oversold(evidence, oversold):
            yield Finding("oversold", words)


def _oversold(evidence: Evidence, oversold: Units) -> Iterator[str]:
    for sku, units in sorted(oversold.items()):
        yield deferred("{units} of {spelled} oversold", units=units, spelled=evidence.spelled(sku))


def _undeclared(evidence: Evidence, oversold: Units) -> Iterator[str]:
    """Places where a node does not name the orders that are short of exactly the units sold too often.

    Units that removals took beyond all remaining orders show only in the number: there is no order to name.
    """
    for node, read in evidence.complete().items():
        placed = {one["id"]: units_of(one["lines"]) for one in read.orders if one["status"] == "placed"}
        for sku, stock in sorted(read.stock.items()):
            short = _named_short(stock)
            units, sold = oversold[sku], sum(lines[sku] for lines in placed.values())
            if (stock["oversold"], short.total()) != (units, min(units, sold)):
                yield (
                    deferred(
                        "{units} of {sku} oversold, but {node} shows {oversold} and names orders for {short}",
                        units=units,
                        sku=stock["sku"],
                        node=node,
                        oversold=stock["oversold"],
                        short=short.total(),
                    )
                )
            for order, lacking in sorted(short.items()):
                if order not in placed or lacking > placed[order][sku]:
                    yield deferred(
                        "{node} names {order} as short of {lacking} of {sku}: it holds fewer",
                        node=node,
                        order=order,
                        lacking=lacking,
                        sku=stock["sku"],
                    )


def _named_short(stock: Stock) -> Counter[str]:
    """Order id → the units of this product that the node says it is short of."""
    short: Counter[str] = Counter()
    for deficit in stock["deficits"]:
        short[deficit["order"]] += deficit["quantity"]
    return short


def _sold_by_log(evidence: Evidence) -> Units:
    """Units of the acknowledged orders that were not, and cannot have been, cancelled."""
    cancelled = evidence.cancellations("ok") | evidence.cancellations("info") | others.cancelled(evidence)
    before = evidence.ids_before()
    sold: Units = Counter()
    for order_id, answers in evidence.acknowledged().items():
        if order_id not in cancelled | before:
            sold += units_of(answers[0].response["lines"])
    return sold


def _stocked_by_log(evidence: Evidence) -> Units:
    """Units available before, plus those received and minus those removed during the run. Units frozen before
    may be sold once they were counted; units that a count finds were received before they were lost sight of.
    What somebody else received, found or gave back may be sold, too.
    """
    counted = {same_key(one.request["sku"]) for one in evidence.operations if one.action == "count"}
    counted |= others.counted(evidence)
    stocked: Units = others.received(evidence) + others.found(evidence)
    stocked += others.units_before(evidence, others.cancelled(evidence))
    shelf: Units = Counter()
    for read in evidence.before.values():
        for sku, stock in read.stock.items():
            there = stock["available"] + (stock["frozen"] if sku in counted else 0)
            shelf |= Counter({sku: max(there, 0)})
    stocked += shelf
    for operation in evidence.operations:
        if operation.action == "adjust" and operation.outcome != "fail":
            quantity = operation.request["quantity"]
            if quantity > 0 or operation.outcome == "ok":
                stocked[same_key(operation.request["sku"])] += quantity
    cancelled = evidence.cancellations("ok") | evidence.cancellations("info")
    returned: set[str] = set()
    for read in evidence.before.values():
        for order in read.orders:
            if order["id"] in cancelled - returned:
                returned.add(order["id"])
                stocked += units_of(order["lines"])
    return stocked


def _received_by_reads(evidence: Evidence) -> Units:
    """Units ever received and not removed, by the newest copy of each branch's rows over all nodes."""
    received: Units = Counter()
    for (sku, _, _), row in others.newest_rows(evidence).items():
        received[sku] += row["received"] - row["removed"]
    return received

"""Units and rights are neither made nor lost, and no node holds less than none."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from branchlab.checking.checker.finding import Doubt, Finding
from branchlab.checking.checker.others import newest_rows, rows_before
from branchlab.checking.evidence import Evidence
from branchlab.checking.reads import Units, units_by_orders, units_of
from branchlab.language import deferred
from branchlab.nodes.contract import Stock, StockRow
from branchlab.nodes.keys import same_key


def check(evidence: Evidence) -> Iterator[Finding]:
    """Places where a node's own numbers do not add up, or where rows contradict the clients' answers."""
    for words, doubts in (*_unbalanced(evidence), *_unheld(evidence), *_untold(evidence)):
        yield Finding("rights", words, doubts)


Doubted = tuple[str, tuple[Doubt, ...]]


def _unbalanced(evidence: Evidence) -> Iterator[Doubted]:
    """Compares the units sold by orders with the units left by rows. If a lost disk took an order with it,
    its stock effect may have reached peers without it. A stock effect may arrive before its order."""
    perhaps = _taken_by_orders_gone(evidence) + evidence.surplus_before().sold
    found, uncancelled = evidence.found(), _given_back_by_orders_gone(evidence)
    for node, read in evidence.complete().items():
        ordered, cancelled = units_by_orders(read.orders)
        for sku, stock in sorted(read.stock.items()):
            name, sold = stock["sku"], sum(row["sold"] for row in stock["rows"])
            if not ordered[sku] <= sold <= ordered[sku] + perhaps[sku]:
                said = deferred(
                    "at {node} the stock says {sold} of {name} were sold, the orders say {ordered}",
                    node=node,
                    sold=sold,
                    name=name,
                    ordered=ordered[sku],
                )
                yield said, ("late",)
            back = sum(row["returned"] + row["returned_frozen"] for row in stock["rows"])
            if not cancelled[sku] <= back <= cancelled[sku] + found[sku] + uncancelled[sku]:
                told = {"cancelled": cancelled[sku], "found": found[sku]}
                said = (
                    deferred("the orders say {cancelled}, counts {found}", **told)
                    if found[sku]
                    else deferred("the orders say {cancelled}", **told)
                )
                yield (
                    deferred(
                        "at {node} the stock says {back} of {name} came back, {said}",
                        node=node,
                        back=back,
                        name=name,
                        said=said,
                    ),
                    ("late", "others"),
                )
            left = _left_by(stock["rows"])
            shown = stock["available"], stock.get("oversold", 0)
            if shown != (max(left - stock["frozen"], 0), max(-left, 0)):
                frozen = deferred(" and {frozen} frozen", frozen=stock["frozen"]) if stock["frozen"] else ""
                yield (
                    deferred(
                        "at {node} {available} of {name} are available{frozen}, its rows say {left}",
                        node=node,
                        available=shown[0],
                        name=name,
                        frozen=frozen,
                        left=left,
                    ),
                    (),
                )


def _taken_by_orders_gone(evidence: Evidence) -> Units:
    """Units of orders lost with a disk: those declared at risk, and those that no client got an answer
    for."""
    units: Units = Counter()
    for order in evidence.gone().values():
        units += units_of(order["lines"])
    for request in evidence.unresolved():
        if evidence.lost_disk_after(request):
            units += units_of(request.request["lines"])
    return units


def _given_back_by_orders_gone(evidence: Evidence) -> Units:
    """Units of cancellations that may be lost with a disk, and whose stock effect reached peers before."""
    lines = {id_: told[0].response["lines"] for id_, told in evidence.acknowledged().items()}
    asked = {
        operation.request["order"]
        for operation in evidence.operations
        if operation.action == "cancel" and operation.outcome != "fail"
        if evidence.lost_disk_after(operation)
    }
    units: Units = Counter()
    for order_id in asked & lines.keys():
        units += units_of(lines[order_id])
    return units


def _left_by(rows: Iterable[StockRow]) -> int:
    """The company's units by its rows, frozen ones included."""
    came_in = sum(row["received"] + row["returned"] + row["returned_frozen"] for row in rows)
    return came_in - sum(row["sold"] + row["removed"] + row["written_off"] for row in rows)


def _unheld(evidence: Evidence) -> Iterator[Doubted]:
    """Places where a node's rights, or the frozen pool, do not follow from its own rows. A branch's last
    sample names its present life; without one, the nodes are not judged."""
    present = _present_lives(evidence)
    for node, read in evidence.complete().items():
        for stock in (read.stock[sku] for sku in sorted(read.stock)):
            name, rights = stock["sku"], rights_of(stock)
            if not evidence.may_oversell and stock["here"] < 0:
                yield deferred("{node} holds {here} of {name}", node=node, here=stock["here"], name=name), ()
            if node in present and not evidence.may_oversell:
                own = rights[node, present[node]]
                # What a stock count recovered is held back until every branch knows it.
                if not own - _recovered(stock, node, present[node]) <= stock["here"] <= own:
                    words = deferred(
                        "{node} shows {here} of {name} as its own to sell, its rows say {own}",
                        node=node,
                        here=stock["here"],
                        name=name,
                        own=own,
                    )
                    yield words, ()
            if present.keys() >= set(evidence.nodes) and stock["frozen"] != _frozen(stock, present):
                ended = deferred("the rows of ended lives say {frozen}", frozen=_frozen(stock, present))
                yield (
                    deferred(
                        "at {node} {frozen} of {name} are frozen, {ended}",
                        node=node,
                        frozen=stock["frozen"],
                        name=name,
                        ended=ended,
                    ),
                    ("late", "others"),
                )


def _present_lives(evidence: Evidence) -> dict[str, str]:
    """The epoch that each node reported last, unless something happened to its disk since."""
    return {
        one.node: epoch
        for one in evidence.samples
        if one.status is not None and (epoch := one.status["epoch"]) is not None
        if not any(at > one.at for at in evidence.disk_events.get(one.node, ()))
    }


Life = tuple[str, str]
"""(branch, epoch)"""


def rights_of(stock: Stock) -> Counter[Life]:
    """What each life may still sell: received minus spent units, minus and plus grants."""
    rights: Counter[Life] = Counter()
    for row in stock["rows"]:
        came = row["received"] + row["returned"] + row["recovered"]
        rights[row["branch"], row["epoch"]] += came - row["sold"] - row["removed"]
        for name, quantity in row["granted"].items():
            branch, _, epoch = name.partition("@")
            rights[row["branch"], row["epoch"]] -= quantity
            rights[branch, epoch] += quantity
    return rights


def _recovered(stock: Stock, node: str, epoch: str) -> int:
    rows = (row for row in stock["rows"] if (row["branch"], row["epoch"]) == (node, epoch))
    return sum(row["recovered"] for row in rows)


def _frozen(stock: Stock, present: dict[str, str]) -> int:
    ended = sum(units for (branch, epoch), units in rights_of(stock).items() if present.get(branch) != epoch)
    later = sum(row["returned_frozen"] - row["recovered"] - row["written_off"] for row in stock["rows"])
    return ended + later


@dataclass
class _Told:
    """Units that clients received or removed: at least, and at most."""

    least: Units = field(default_factory=Counter)
    most: Units = field(default_factory=Counter)


def _untold(evidence: Evidence) -> Iterator[Doubted]:
    """Places where all rows together show other units received or removed than clients' answers do."""
    if len(evidence.complete()) < len(evidence.nodes):
        return
    told = {"received": _Told(), "removed": _Told()}
    for (sku, _, _), row in rows_before(evidence).items():
        for column, units in (("received", row["received"]), ("removed", row["removed"])):
            told[column].least[sku] += units
            told[column].most[sku] += units
    for operation in evidence.operations:
        if operation.action == "adjust" and operation.outcome != "fail":
            sku, quantity = same_key(operation.request["sku"]), operation.request["quantity"]
            book = told["received" if quantity > 0 else "removed"]
            book.most[sku] += abs(quantity)
            # Whether a peer had it when the disk went, nobody knows: only orders tell.
            if operation.outcome == "ok" and not evidence.lost_disk_after(operation):
                book.least[sku] += abs(quantity)
    shown = {"received": Counter[str](), "removed": Counter[str]()}
    for (sku, _, _), row in newest_rows(evidence).items():
        shown["received"][sku] += row["received"]
        shown["removed"][sku] += row["removed"]
    for column, book in told.items():
        for sku in sorted(shown[column].keys() | book.least.keys()):
            found, least, most = shown[column][sku], book.least[sku], book.most[sku]
            if not least <= found <= most:
                expected = (
                    str(least) if least == most else deferred("{least} to {most}", least=least, most=most)
                )
                name = evidence.spelled(sku)
                words = deferred(
                    "{found} of {name} are {column} by the rows, clients were told {expected}",
                    found=found,
                    name=name,
                    column=column,
                    expected=expected,
                )
                yield words, ("others",) if found > most else ()

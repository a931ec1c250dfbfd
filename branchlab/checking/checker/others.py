"""What only somebody who is not in the log can have done to the stock. Nothing, where the run was alone.

A student's order, receipt or count beside a run is no fault of any node. The rows tell how much it was.
"""

from collections import Counter
from collections.abc import Iterable

from branchlab.checking.evidence import Evidence
from branchlab.checking.reads import NodeRead, Units, surplus_of, units_of
from branchlab.nodes.contract import StockRow
from branchlab.nodes.keys import same_key

Rows = dict[tuple[str, str, str], StockRow]
"""(sku, branch, epoch) → a stock row"""


def received(evidence: Evidence) -> Units:
    """Units in receipts beyond all that clients asked for."""
    if evidence.alone:
        return Counter()
    told: Units = Counter()
    for (sku, _, _), row in rows_before(evidence).items():
        told[sku] += row["received"]
    for operation in evidence.operations:
        if operation.action == "adjust" and operation.outcome != "fail":
            told[same_key(operation.request["sku"])] += max(0, operation.request["quantity"])
    shown: Units = Counter()
    for (sku, _, _), row in newest_rows(evidence).items():
        shown[sku] += row["received"]
    return shown - told


def found(evidence: Evidence) -> Units:
    """Units that came back beyond cancelled orders and the run's own counts: the most that any node shows."""
    units: Units = Counter()
    if not evidence.alone:
        for read in evidence.complete().values():
            units |= surplus_of(read).back
    return units - evidence.found()


def counted(evidence: Evidence) -> set[str]:
    """Skus whose shelf was counted since the first reads."""
    if evidence.alone:
        return set()
    before, now = (_released(rows) for rows in (rows_before(evidence), newest_rows(evidence)))
    return {sku for sku, units in now.items() if units > before[sku]}


def cancelled(evidence: Evidence) -> set[str]:
    """Orders, of this run or from before it, that are cancelled though no client of the log asked for it."""
    if evidence.alone:
        return set()
    asked = evidence.cancellations("ok") | evidence.cancellations("info")
    before = {
        order["id"]
        for read in evidence.before.values()
        for order in read.orders
        if order["status"] == "cancelled"
    }
    now = {id_ for id_, order in evidence.final_orders().items() if order["status"] == "cancelled"}
    return now - asked - before


def units_before(evidence: Evidence, orders: set[str]) -> Units:
    """Units of those of the orders that were there before the run."""
    there = {order["id"]: order for read in evidence.before.values() for order in read.orders}
    units: Units = Counter()
    for order_id in orders & there.keys():
        units += units_of(there[order_id]["lines"])
    return units


def rows_before(evidence: Evidence) -> Rows:
    """The newest rows that any node showed before the run."""
    return _newest(evidence.before.values())


def newest_rows(evidence: Evidence) -> Rows:
    """The newest rows that any node showed at the end."""
    return _newest(evidence.final.values())


def _newest(reads: Iterable[NodeRead]) -> Rows:
    newest: Rows = {}
    for read in reads:
        for sku, stock in read.stock.items():
            for row in stock["rows"]:
                key = (sku, row["branch"], row["epoch"])
                if key not in newest or newest[key]["version"] < row["version"]:
                    newest[key] = row
    return newest


def _released(rows: Rows) -> Units:
    units: Units = Counter()
    for (sku, _, _), row in rows.items():
        units[sku] += row["recovered"] + row["written_off"]
    return units

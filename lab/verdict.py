"""Judges a run by its run log alone: what clients were promised against what every node shows at the end.

Nothing here trusts a node's `/status` or digest: a node that is wrong about itself must not pass.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lab.contract import Order, Stock, StockRow
from lab.evidence import Evidence, NodeRead, Operation, Units, collect, same_key, units_of
from lab.runlog import Record

Result = Literal["PASS", "FAIL", "UNKNOWN"]
_EXIT_CODES: Mapping[Result, int] = {"PASS": 0, "FAIL": 1, "UNKNOWN": 2}
# What never changes after the 201.
_AS_PROMISED = ("number", "branch", "epoch", "lines", "total_cents", "created_at")
# Not `granted`: rights may still move between branches while we read.
_ROW_TOTALS = (
    *("received", "returned", "returned_frozen", "recovered"),
    *("written_off", "sold", "removed"),
)


@dataclass(frozen=True)
class Verdict:
    """What the checks found. `converged` is null when not every node could be read.

    acknowledged   orders that some client was answered with
    unknown        requests that nobody could tell the outcome of; their orders may exist or not
    lost           acknowledged orders (or cancellations) that are missing or altered at any node
    duplicated     orders that exist more often than they were asked for
    oversold       units sold beyond what was there
    problems       what is wrong, in plain words
    gone           orders that went with a lost disk and were declared at risk before: not counted as lost
    """

    result: Result
    acknowledged: int
    unknown: int
    lost: int
    duplicated: int
    oversold: int
    converged: bool | None
    problems: tuple[str, ...]
    gone: int = 0

    @property
    def exit_code(self) -> int:
        return _EXIT_CODES[self.result]

    def as_record(self) -> dict[str, Any]:
        return asdict(self)


def judge(records: Iterable[Record]) -> Verdict:
    """Runs every check over the records of one run log."""
    evidence = collect(records)
    unread = [node for node in evidence.nodes if not evidence.final.get(node, NodeRead()).complete]
    lost: dict[str, str] = {}
    for order_id, words in _lost(evidence):
        lost.setdefault(order_id, words)  # an order lost at every node is one lost order
    duplicated = list(_duplicated(evidence))
    oversold = _oversold(evidence)
    differing = list(_differences(evidence))
    wrong = [
        *lost.values(),
        *duplicated,
        *(_undeclared(evidence, oversold) if evidence.may_oversell else _oversold_words(evidence, oversold)),
        *differing,
        *_unbalanced(evidence),
    ]
    unproven = [f"{node} was not read at the end of the run" for node in unread]
    if not evidence.nodes:
        unproven.append("the run log names no nodes")
    return Verdict(
        result="FAIL" if wrong else "UNKNOWN" if unproven else "PASS",
        acknowledged=len(evidence.acknowledged()),
        unknown=len(evidence.unresolved()),
        lost=len(lost),
        duplicated=len(duplicated),
        oversold=oversold.total(),
        converged=None if unproven else not differing,
        problems=(*wrong, *unproven),
        gone=len(evidence.gone()),
    )


def _lost(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """(order id, what is wrong) for each acknowledged order that some node lacks or shows otherwise."""
    shown = {
        node: {order["id"]: order for order in read.orders}
        for node, read in evidence.final.items()
        if read.complete
    }
    cancelled, maybe_cancelled = evidence.cancellations("ok"), evidence.cancellations("info")
    gone = evidence.gone()
    for order_id, answers in evidence.acknowledged().items():
        if order_id in gone:
            continue
        promised: Order = answers[0].response
        name = f"order {promised['number']} ({order_id}), acknowledged at {answers[0].node},"
        for node, orders in shown.items():
            order = orders.get(order_id)
            if order is None:
                yield order_id, f"{name} is missing at {node}"
            elif altered := _altered(promised, order):
                yield order_id, f"{name} has another {altered} at {node}"
            elif order_id in cancelled and order["status"] != "cancelled":
                yield order_id, f"{name} was cancelled, but is not at {node}"
            elif order_id not in cancelled | maybe_cancelled and order["status"] != promised["status"]:
                yield order_id, f"{name} is {order['status']} at {node}, and nobody asked for that"


def _altered(promised: Order, shown: Order) -> str | None:
    """The first thing that differs from what the client was told. A customer's name may be edited later."""
    then: Mapping[str, Any] = promised
    now: Mapping[str, Any] = shown
    for name in _AS_PROMISED:
        if then[name] != now[name]:
            return name
    if any(promised["customer"][key] != shown["customer"][key] for key in ("id", "code")):
        return "customer"
    return None


def _duplicated(evidence: Evidence) -> Iterator[str]:
    """One sentence for each order too many."""
    acknowledged = evidence.acknowledged()
    ids_by_key: dict[str, set[str]] = {}
    for order_id, answers in acknowledged.items():
        keys = {answer.key for answer in answers if answer.key is not None}
        if len(keys) > 1:
            yield f"order {order_id} was given to {len(keys)} different requests: {', '.join(sorted(keys))}"
        for key in keys:
            ids_by_key.setdefault(key, set()).add(order_id)
    for key, ids in ids_by_key.items():
        if len(ids) > 1:
            yield f"the key {key} was answered with {len(ids)} orders: {', '.join(sorted(ids))}"
    for node, read in evidence.final.items():
        times = Counter(order["id"] for order in read.orders)
        yield from (f"{node} lists order {id_} {count} times" for id_, count in times.items() if count > 1)
    yield from _unasked(evidence, acknowledged.keys() | evidence.ids_before())


def _unasked(evidence: Evidence, known: set[str]) -> Iterator[str]:
    """Orders that neither were acknowledged nor can be the outcome of a request whose outcome is unknown."""
    candidates = evidence.unresolved()
    for order_id, order in sorted(evidence.final_orders().items()):
        if order_id in known:
            continue
        match = next((candidate for candidate in candidates if _may_be(order, candidate)), None)
        if match is None:
            yield f"order {order['number']} ({order_id}) exists, but no unanswered request asked for it"
        else:
            candidates.remove(match)


def _may_be(order: Order, request: Operation) -> bool:
    customer = order["customer"]
    return (
        order["branch"] == request.node
        and same_key(request.request["customer"]) in (customer["id"], same_key(customer["code"]))
        and units_of(order["lines"]) == units_of(request.request["lines"])
    )


def _oversold(evidence: Evidence) -> Units:
    """The most that can have been there to sell: before the run, received in it, or cancelled in it."""
    oversold = _sold_by_log(evidence) - _stocked_by_log(evidence)
    sold: Units = Counter()
    for order in evidence.final_orders().values():
        if order["status"] != "cancelled":
            sold += units_of(order["lines"])
    oversold |= sold - _received_by_reads(evidence)
    for read in evidence.final.values():
        oversold |= Counter({sku: -stock["available"] for sku, stock in read.stock.items()})
    return +oversold


def _oversold_words(evidence: Evidence, oversold: Units) -> Iterator[str]:
    for sku, units in sorted(oversold.items()):
        yield f"{units} of {evidence.spelled(sku)} oversold"


def _undeclared(evidence: Evidence, oversold: Units) -> Iterator[str]:
    """Where a node does not name the orders that are short of exactly the units sold too often."""
    for node, read in evidence.final.items():
        for sku, stock in sorted(read.stock.items()):
            listed = sum(deficit["quantity"] for deficit in stock["deficits"])
            if not listed == stock["oversold"] == oversold[sku]:
                yield (
                    f"{oversold[sku]} of {stock['sku']} oversold, but {node} shows {stock['oversold']}"
                    f" and names orders for {listed}"
                )


def _sold_by_log(evidence: Evidence) -> Units:
    """Units of the acknowledged orders that were not, and cannot have been, cancelled."""
    cancelled = evidence.cancellations("ok") | evidence.cancellations("info")
    before = evidence.ids_before()
    sold: Units = Counter()
    for order_id, answers in evidence.acknowledged().items():
        if order_id not in cancelled | before:
            sold += units_of(answers[0].response["lines"])
    return sold


def _stocked_by_log(evidence: Evidence) -> Units:
    """Units that ever came in and were not removed, by the newest of each branch's rows anywhere."""
    stocked: Units = Counter()
    for read in evidence.before.values():
        stocked |= Counter({sku: max(stock["available"], 0) for sku, stock in read.stock.items()})
    for operation in evidence.operations:
        if operation.action == "adjust" and operation.outcome != "fail":
            quantity = operation.request["quantity"]
            if quantity > 0 or operation.outcome == "ok":
                stocked[same_key(operation.request["sku"])] += quantity
    cancelled = evidence.cancellations("ok") | evidence.cancellations("info")
    for read in evidence.before.values():
        for order in read.orders:
            if order["id"] in cancelled:
                stocked += units_of(order["lines"])
    return stocked


def _received_by_reads(evidence: Evidence) -> Units:
    """Units that ever came in and were not removed, by the newest of each branch's rows over all nodes."""
    newest: dict[tuple[str, str, str], StockRow] = {}
    for read in evidence.final.values():
        for sku, stock in read.stock.items():
            for row in stock["rows"]:
                key = (sku, row["branch"], row["epoch"])
                if key not in newest or newest[key]["version"] < row["version"]:
                    newest[key] = row
    received: Units = Counter()
    for (sku, _, _), row in newest.items():
        received[sku] += row["received"] - row["removed"]
    return received


def _differences(evidence: Evidence) -> Iterator[str]:
    """What any node shows otherwise than the first one."""
    reads = [(node, evidence.final[node]) for node in evidence.nodes if node in evidence.final]
    complete = [(node, read) for node, read in reads if read.complete]
    for node, read in complete[1:]:
        first, reference = complete[0]
        yield from _different_orders(first, reference.orders, node, read.orders)
        for sku in sorted(reference.stock.keys() | read.stock.keys()):
            if _company(reference.stock.get(sku)) != _company(read.stock.get(sku)):
                yield f"{first} and {node} differ in the stock of {evidence.spelled(sku)}"


def _different_orders(first: str, reference: list[Order], node: str, orders: list[Order]) -> Iterator[str]:
    left = {order["id"]: _everywhere(order) for order in reference}
    right = {order["id"]: _everywhere(order) for order in orders}
    for order_id in sorted(left.keys() | right.keys()):
        if order_id not in right:
            yield f"{node} lacks order {left[order_id]['number']} ({order_id}), which {first} has"
        elif order_id not in left:
            yield f"{first} lacks order {right[order_id]['number']} ({order_id}), which {node} has"
        elif left[order_id] != right[order_id]:
            yield f"{first} and {node} differ in order {left[order_id]['number']} ({order_id})"


def _everywhere(order: Order) -> dict[str, Any]:
    """The part of an order that is the same at every node."""
    return {name: value for name, value in order.items() if name != "stored_by"}


def _company(stock: Stock | None) -> Any:
    """The part of a product's stock that is the same at every node once all is delivered."""
    if stock is None:
        return None
    rows: list[Mapping[str, Any]] = [*stock["rows"]]
    totals = sorted((row["branch"], row["epoch"], *(row[name] for name in _ROW_TOTALS)) for row in rows)
    return stock["available"], stock["frozen"], totals


def _unbalanced(evidence: Evidence) -> Iterator[str]:
    """Where a node's own figures do not add up: units sold with its orders, units left with its rows. A stock
    effect may have reached peers without its order, if a lost disk took the order with it."""
    gone: Units = Counter()
    for order in evidence.gone().values():
        gone += units_of(order["lines"])
    for node, read in evidence.final.items():
        if not read.complete:
            continue
        ordered: Units = Counter()
        for order in read.orders:
            ordered += units_of(order["lines"])
        for sku, stock in sorted(read.stock.items()):
            name, sold = stock["sku"], sum(row["sold"] for row in stock["rows"])
            if not ordered[sku] <= sold <= ordered[sku] + gone[sku]:
                yield f"at {node} the stock says {sold} of {name} were sold, the orders say {ordered[sku]}"
            left = _left_by(stock["rows"])
            shown = stock["available"], stock.get("oversold", 0)
            if shown != (max(left - stock["frozen"], 0), max(-left, 0)):
                frozen = f" and {stock['frozen']} frozen" if stock["frozen"] else ""
                yield f"at {node} {shown[0]} of {name} are available{frozen}, its rows say {left}"


def _left_by(rows: Iterable[StockRow]) -> int:
    """The company's units by its rows, frozen ones included."""
    came_in = sum(row["received"] + row["returned"] + row["returned_frozen"] for row in rows)
    return came_in - sum(row["sold"] + row["removed"] + row["written_off"] for row in rows)

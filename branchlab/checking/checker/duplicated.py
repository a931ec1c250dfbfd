"""An order exists once for each key."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from branchlab.checking.checker.existence import parted_by_a_loss, unasked_orders
from branchlab.checking.checker.finding import Finding
from branchlab.checking.evidence import Evidence, Operation
from branchlab.language import deferred


def check(evidence: Evidence) -> Iterator[Finding]:
    """One finding for each order too many."""
    for words in _words(evidence):
        yield Finding("duplicated", words)
    for unasked in unasked_orders(evidence):
        if unasked.repeats and not unasked.by_others:
            order = unasked.order
            words = deferred(
                "order {number} ({id}) exists once more than its client asked for it",
                number=order["number"],
                id=order["id"],
            )
            yield Finding("duplicated", words, doubts=() if unasked.marked else ("others",))


def _words(evidence: Evidence) -> Iterator[str]:
    by_key: dict[str, dict[str, Operation]] = {}
    for order_id, answers in evidence.acknowledged().items():
        # The first answer with each order: where a lost disk made two, a repeated request may get either.
        keys = {answer.key: answer for answer in reversed(answers) if answer.key is not None}
        if len(keys) > 1:
            yield deferred(
                "order {order_id} was given to {count} different requests: {keys}",
                order_id=order_id,
                count=len(keys),
                keys=", ".join(sorted(keys)),
            )
        for key, answer in keys.items():
            by_key.setdefault(key, {})[order_id] = answer
    for key, orders in by_key.items():
        if len(orders) > 1 and not _parted(evidence, list(orders.values())):
            yield deferred(
                "the key {key} was answered with {count} orders: {orders}",
                key=key,
                count=len(orders),
                orders=", ".join(sorted(orders)),
            )
    for node, read in evidence.final.items():
        times = Counter(order["id"] for order in read.orders)
        yield from (
            deferred("{node} lists order {id} {count} times", node=node, id=id_, count=count)
            for id_, count in times.items()
            if count > 1
        )


def _parted(evidence: Evidence, answers: list[Operation]) -> bool:
    """Whether the branch lost its disk, and the key with it, before each of the later answers."""
    in_order = sorted(answers, key=lambda answer: answer.began)
    return all(parted_by_a_loss(evidence, *pair) for pair in pairwise(in_order))

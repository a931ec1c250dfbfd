"""Nothing exists that no client asked for."""

from collections.abc import Iterator

from branchlab.checking.checker.existence import answers, unasked_orders
from branchlab.checking.checker.finding import Finding
from branchlab.checking.evidence import Evidence
from branchlab.language import deferred
from branchlab.nodes.keys import same_key

_NAMES_A_PRODUCT = ("product", "adjust", "count")


def check(evidence: Evidence) -> Iterator[Finding]:
    """Orders that no client asked for, answers to other requests, and products from nowhere."""
    for words in _answers(evidence):
        yield Finding("authentic", words)
    yield from _orders(evidence)
    for words in _products(evidence):
        yield Finding("authentic", words, doubts=("others",))


def _answers(evidence: Evidence) -> Iterator[str]:
    for order_id, told in evidence.acknowledged().items():
        for answer in told:
            if not answers(answer.response, answer):
                yield (
                    deferred(
                        "the key {key} at {node} was answered with order {number} ({order_id}), which is not"
                        " what it asked for",
                        key=answer.key,
                        node=answer.node,
                        number=answer.response["number"],
                        order_id=order_id,
                    )
                )


def _orders(evidence: Evidence) -> Iterator[Finding]:
    for unasked in unasked_orders(evidence):
        if not unasked.repeats and not unasked.by_others:
            order = unasked.order
            words = deferred(
                "order {number} ({id}) exists, but no unrefused request asked for it",
                number=order["number"],
                id=order["id"],
            )
            yield Finding("authentic", words, doubts=() if unasked.marked else ("others",))


def _products(evidence: Evidence) -> Iterator[str]:
    asked = {same_key(sku) for read in evidence.before.values() for sku in read.stock}
    for operation in evidence.operations:
        if operation.action in _NAMES_A_PRODUCT and operation.outcome != "fail":
            asked.add(same_key(operation.request["sku"]))
        elif operation.action == "order" and operation.outcome == "ok":
            asked.update(same_key(line["sku"]) for line in operation.request["lines"])
    shown = {sku for read in evidence.final.values() for sku in read.stock}
    for sku in sorted(shown - asked):
        yield deferred("there is a product {spelled} that nobody asked for", spelled=evidence.spelled(sku))

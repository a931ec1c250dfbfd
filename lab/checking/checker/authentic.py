"""Nothing exists that no client asked for."""

from collections.abc import Iterator

from lab.checking.checker.existence import answers, unasked_orders
from lab.checking.checker.finding import Finding
from lab.checking.evidence import Evidence
from lab.nodes.keys import same_key

_NAMES_A_PRODUCT = ("product", "adjust", "count")


def check(evidence: Evidence) -> Iterator[Finding]:
    """Orders that no client asked for, answers to other requests, and products from nowhere."""
    for words in (*_answers(evidence), *_orders(evidence), *_products(evidence)):
        yield Finding("authentic", words)


def _answers(evidence: Evidence) -> Iterator[str]:
    for order_id, told in evidence.acknowledged().items():
        for answer in told:
            if not answers(answer.response, answer):
                yield (
                    f"the key {answer.key} at {answer.node} was answered with order"
                    f" {answer.response['number']} ({order_id}), which is not what it asked for"
                )


def _orders(evidence: Evidence) -> Iterator[str]:
    for unasked in unasked_orders(evidence):
        if not unasked.repeats:
            order = unasked.order
            yield f"order {order['number']} ({order['id']}) exists, but no unrefused request asked for it"


def _products(evidence: Evidence) -> Iterator[str]:
    asked = {same_key(sku) for read in evidence.before.values() for sku in read.stock}
    for operation in evidence.operations:
        if operation.action in _NAMES_A_PRODUCT and operation.outcome != "fail":
            asked.add(same_key(operation.request["sku"]))
        elif operation.action == "order" and operation.outcome == "ok":
            asked.update(same_key(line["sku"]) for line in operation.request["lines"])
    shown = {sku for read in evidence.final.values() for sku in read.stock}
    for sku in sorted(shown - asked):
        yield f"there is a product {evidence.spelled(sku)} that nobody asked for"

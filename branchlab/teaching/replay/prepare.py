"""Brings a history's products, customers and stock into a network, keeping what is there already."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial

from branchlab.checking.operations import Operations
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.nodes.contract import Product
from branchlab.nodes.keys import same_key
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.teaching.replay.history import History
from branchlab.teaching.replay.meaning.node_rules import MOST_UNITS

_AT_ONCE = 8  # requests under way while the catalogue is loaded
_ALREADY_THERE = "already_exists"


@dataclass(frozen=True)
class Prepared:
    """What was created, and what was found there and kept as it is. `other_price` are the kept products
    whose price is not the history's."""

    products: int
    products_kept: int
    other_price: int
    customers: int
    customers_kept: int
    units: int


def stock_wanted(history: History, rule: str) -> dict[str, int]:
    """Units to receive per sku: `exact` is what the orders need, `times:K` K times that, rounded up."""
    factor = Decimal(1)
    if rule != "exact":
        name, _colon, number = rule.partition(":")
        try:
            factor = Decimal(number)
        except InvalidOperation:
            factor = Decimal("NaN")
        if name != "times" or not factor.is_finite() or factor <= 0:
            raise LabError(_("--stock wants exact or times:K with K above 0, not '{rule}'", rule=rule))
    return {sku: math.ceil(units * factor) for sku, units in history.units_needed().items()}


def receipts_of(stock: Mapping[str, int]) -> list[tuple[str, int]]:
    """The receipts that bring the stock, each of no more units than a node takes at once."""
    return [
        (sku, min(MOST_UNITS, units - received))
        for sku, units in stock.items()
        for received in range(0, units, MOST_UNITS)
    ]


async def load_catalogue(
    operations: Operations,
    node: str,
    history: History,
    stock: Mapping[str, int],
    *,
    advance: Callable[[], None],
) -> Prepared:
    """Creates at `node` the products and customers that it lacks, then receives `stock`, split equally.

    Calls `advance` once for each of them. LabError when the node refuses one, or does not answer: a receipt
    must not be repeated blindly.
    """
    products = {same_key(product["sku"]): product for product in await operations.clients[node].products()}
    codes = {same_key(customer["code"]) for customer in await operations.clients[node].customers()}
    new_products = [
        _Step(
            _("product {sku}", sku=p.sku),
            partial(operations.create_product, node, p.sku, p.name, p.price_cents),
        )
        for p in history.products
        if same_key(p.sku) not in products
    ]
    new_customers = [
        _Step(_("customer {code}", code=c["code"]), partial(operations.create_customer, node, c))
        for c in history.customers
        if same_key(c["code"]) not in codes
    ]
    receipts = [
        _Step(
            _("stock of {sku}", sku=sku),
            partial(operations.adjust, node, sku, units, share="equal", reason="replay"),
        )
        for sku, units in receipts_of(stock)
    ]
    created = await _take(new_products, advance)
    registered = await _take(new_customers, advance)
    await _take(receipts, advance)
    return Prepared(
        products=created,
        products_kept=len(history.products) - created,
        other_price=_other_prices(history, products),
        customers=registered,
        customers_kept=len(history.customers) - registered,
        units=sum(stock.values()),
    )


@dataclass(frozen=True)
class _Step:
    what: str
    call: Callable[[], Awaitable[None]]


async def _take(steps: Sequence[_Step], advance: Callable[[], None]) -> int:
    """Takes all steps, some at a time, and returns how many were not there already."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def take(step: _Step) -> bool:
        async with slots:
            created = await _created(step)
        advance()
        return created

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(take(step)) for step in steps]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None  # one refusal says enough; the others were called off
    return sum(task.result() for task in tasks)


async def _created(step: _Step) -> bool:
    """False when it was there already: somebody else may load the same history."""
    try:
        await step.call()
    except Refused as refused:
        if refused.code == _ALREADY_THERE:
            return False
        raise LabError(
            _("the node refused the {what}: {refused}; no order was sent", what=step.what, refused=refused)
        ) from None
    except Unknown as unknown:
        raise LabError(
            _(
                "no answer for the {what} ({unknown}); start over on a fresh network",
                what=step.what,
                unknown=unknown,
            )
        ) from None
    return True


def _other_prices(history: History, existing: Mapping[str, Product]) -> int:
    return sum(
        same_key(product.sku) in existing
        and existing[same_key(product.sku)]["price_cents"] != product.price_cents
        for product in history.products
    )

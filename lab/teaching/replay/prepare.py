"""Brings a history's products, customers and stock into a network, keeping what is there already."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial

from lab.checking.operations import Operations
from lab.errors import LabError
from lab.nodes.contract import Product
from lab.nodes.keys import same_key
from lab.nodes.outcome import Refused, Unknown
from lab.teaching.replay.history import MOST_UNITS, History

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
        name, _, number = rule.partition(":")
        try:
            factor = Decimal(number)
        except InvalidOperation:
            factor = Decimal("NaN")
        if name != "times" or not factor.is_finite() or factor <= 0:
            raise LabError(f"--stock wants exact or times:K with K above 0, not '{rule}'")
    wanted = {sku: math.ceil(units * factor) for sku, units in history.units_needed().items()}
    for sku, units in wanted.items():
        if units > MOST_UNITS:
            raise LabError(
                f"--stock {rule} needs {units} of {sku}; a node receives at most {MOST_UNITS} at once"
            )
    return wanted


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
        _Step(f"product {p.sku}", partial(operations.create_product, node, p.sku, p.name, p.price_cents))
        for p in history.products
        if same_key(p.sku) not in products
    ]
    new_customers = [
        _Step(f"customer {c['code']}", partial(operations.create_customer, node, c))
        for c in history.customers
        if same_key(c["code"]) not in codes
    ]
    receipts = [
        _Step(f"stock of {sku}", partial(operations.adjust, node, sku, units, share="equal", reason="replay"))
        for sku, units in stock.items()
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
        raise LabError(f"the node refused the {step.what}: {refused}") from None
    except Unknown as unknown:
        raise LabError(f"no answer for the {step.what} ({unknown}); start over on a fresh network") from None
    return True


def _other_prices(history: History, existing: Mapping[str, Product]) -> int:
    return sum(
        same_key(product.sku) in existing
        and existing[same_key(product.sku)]["price_cents"] != product.price_cents
        for product in history.products
    )

"""Commands of the order path: each runs inside one transaction, all or nothing."""

import json
from collections.abc import Mapping, Sequence

from app.database import Actor, Transaction
from app.domain import bounds, identity
from app.domain.errors import (
    EffectParked,
    Invalid,
    KeyReused,
    NotFound,
    OtherBranch,
    UnknownReference,
)
from app.domain.forms import Row
from app.domain.order import Order, OrderLine
from app.domain.product import Product
from app.domain.row_checks import LARGEST
from app.domain.stock import Policy
from app.domain.values import value
from app.state.commands import taking
from app.state.commands.taking import Need
from app.state.tables import customers, life_table, orders, products, stock_table


@value(frozen=True, slots=True)
class PlaceOrder:
    """A client's order: customer by id or code, lines of (sku or product id, quantity)."""

    customer: str
    lines: tuple[tuple[str, int], ...]
    note: str | None = None


@value(frozen=True, slots=True)
class Placed:
    """An order that was placed. `view` is what clients see of it; None for one that was there already under
    its key, and may have changed since."""

    order_id: str
    view: orders.OrderView | None


def place_order(
    tx: Transaction,
    order: PlaceOrder,
    *,
    actor: Actor,
    key: str | None,
    request_hash: str,
    policy: Policy,
    reserved: Mapping[str, int],
) -> Placed:
    """Write the order, its stock movements, its audit entry and its events.

    A repeated key returns the order that it made before. `reserved` are the units that older waiting orders
    need, by product id. Raises UnknownReference, KeyReused, Invalid or OutOfRights, with nothing
    written.
    """
    repeated = _repeated(tx, actor.user_id, key, request_hash)
    if repeated is not None:
        return Placed(repeated, None)
    customer = customers.find_to_copy(tx, order.customer)
    if customer is None:
        raise UnknownReference("customer", [order.customer])
    lines = _priced(tx, order.lines)
    total_cents = _total_cents(lines)
    needs = [taking.need(tx, product, quantity) for product, quantity in _summed(lines)]
    _require_sendable(tx.identity.name, needs)
    taking.require_units(tx, needs, policy=policy, reserved=reserved)
    for need in needs:
        taking.take(tx, need, movement="sold")
    me = tx.identity
    order_id = identity.order_id(tx.now, tx.random.randbytes(10), branch=me.name)
    tx.counters.order_counter += 1
    placed = Order(
        id=order_id,
        number=orders.number_of(me, tx.counters.order_counter),
        branch=me.name,
        epoch=me.epoch,
        lamport=tx.lamport,
        customer_id=customer.id,
        user_id=actor.user_id,
        status="placed",
        note=order.note,
        total_cents=total_cents,
        version=1,
        created_at=tx.now,
        idempotency_key=key,
        request_hash=request_hash,
        lines=tuple([_line(n, product, quantity) for n, (product, quantity) in enumerate(lines, start=1)]),
    )
    # The order's own event comes last: a peer may show a stock effect before its order, never the reverse.
    written = orders.insert(tx, placed, seq=tx.emit("order_created", order_id))
    _audit(tx, actor, action="placed", before=None, after=written, of=placed)
    return Placed(order_id, orders.view_of_new(placed, customer))


def _require_sendable(branch: str, needs: Sequence[Need]) -> None:
    """Raise Invalid for an order whose events would be longer than a message that peers take."""
    length = sum([need.cells.length_of(branch) for need in needs])
    if length > bounds.MOST_STOCK_OF_ORDER:
        raise Invalid("lines", "too_large_in_total")


def _total_cents(lines: Sequence[tuple[Product, int]]) -> int:
    """What the lines cost together. Raises Invalid for more than a row can hold."""
    total_cents = sum([quantity * product.price_cents for product, quantity in lines])
    if total_cents > LARGEST:
        raise Invalid("lines", "too_large_in_total")
    return total_cents


def _line(number: int, product: Product, quantity: int) -> OrderLine:
    """A line at the catalogue's present price."""
    # By place: each order makes several.
    return OrderLine(number, product.id, product.sku, product.name, quantity, product.price_cents)


def _audit(
    tx: Transaction, actor: Actor, *, action: str, before: Row | None, after: Row | bytes, of: Order
) -> None:
    tx.audit(
        actor,
        action=action,
        entity="order",
        entity_id=of.id,
        before=before,
        after=after,
        version=of.version,
    )


def cancel_order(tx: Transaction, order_id: str, *, actor: Actor) -> None:
    """Cancel an order of this branch, once; to cancel it again changes nothing.

    Its units become rights again only in the epoch that sold them. Units of an earlier epoch join the frozen
    pool, because what that epoch spent cannot be known for certain. Raises NotFound, OtherBranch, or
    EffectParked: the units given back must not show anywhere before the units taken.
    """
    before = orders.find(tx.connection, order_id, "spend")  # what it gives back can be sold again
    if before is None:
        raise NotFound("order", order_id)
    if before.branch != tx.identity.name:
        raise OtherBranch(before.branch)
    if before.status == "cancelled":
        return
    movement = "returned" if before.life == life_table.me(tx) else "returned_frozen"
    returned: dict[str, int] = {}
    for line in before.lines:
        returned[line.product_id] = returned.get(line.product_id, 0) + line.quantity
    if _is_parked(tx, [order_id, *returned]):
        raise EffectParked(order_id)
    for product_id, quantity in returned.items():
        own = stock_table.own_of(tx, stock_table.to_spend(tx, product_id), product_id)
        stock_table.move(tx, own, own.add(movement, quantity))
    after = orders.set_status(tx, before, status="cancelled", version=before.version + 1)
    tx.emit("order_cancelled", order_id)
    _audit(tx, actor, action="cancelled", before=before.as_json(), after=after.as_json(), of=after)


def _is_parked(tx: Transaction, entities: Sequence[str]) -> bool:
    """Whether an event of an earlier life of this branch about one of these entities is parked here. After a
    lost disk, the donor of the rows could not apply it either."""
    found = tx.connection.execute(
        "SELECT 1 FROM parked WHERE origin = ? AND entity IN (SELECT value FROM json_each(?)) LIMIT 1",
        (tx.identity.name, json.dumps(entities)),
    )
    return found.fetchone() is not None


def _repeated(tx: Transaction, user_id: str, key: str | None, request_hash: str) -> str | None:
    if key is None:
        return None
    found = orders.find_placed(tx, user_id, key)
    for use in found:
        if use.request_hash == request_hash:
            return use.id
    if any(use.branch == tx.identity.name for use in found):
        raise KeyReused(key)
    return None


def _priced(tx: Transaction, lines: Sequence[tuple[str, int]]) -> list[tuple[Product, int]]:
    found = [(sku, products.find_to_copy(tx, sku), quantity) for sku, quantity in lines]
    unknown = sorted({sku for sku, product, _ in found if product is None})
    if unknown:
        raise UnknownReference("product", unknown)
    return [(product, quantity) for _, product, quantity in found if product is not None]


def _summed(lines: Sequence[tuple[Product, int]]) -> list[tuple[Product, int]]:
    # Two lines of one product must be checked together: each alone could fit where both do not.
    by_id: dict[str, tuple[Product, int]] = {}
    for product, quantity in lines:
        by_id[product.id] = (product, by_id.get(product.id, (product, 0))[1] + quantity)
    return [by_id[product_id] for product_id in sorted(by_id)]

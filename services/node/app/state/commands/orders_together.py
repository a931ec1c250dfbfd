"""Places several orders in one pass: what `place_order` does one after the other, to the byte.

Most orders of a group are plain. To look each thing up, count it and write it once for all of them takes the
writer a good part less than to do so for each order. Whatever is not plain is left to `place_order`, which
alone decides what is refused, and why.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from app.database import Actor, StorageError, Transaction
from app.domain import bounds, identity, times
from app.domain.customer import Customer
from app.domain.errors import StateError
from app.domain.order import OrderLine
from app.domain.product import Product
from app.domain.row_checks import LARGEST
from app.domain.stock import Policy
from app.state.commands.order_commands import Placed, PlaceOrder
from app.state.tables import customers, new_orders, orders, products, stock_table
from app.state.tables.cell_mirror import Cells
from app.state.tables.orders import KeyUse, OrderView
from app.state.tables.stock_table import Movement


class Placing(Protocol):
    """An order to place, and the arguments of `place_order`."""

    @property
    def order(self) -> PlaceOrder: ...
    @property
    def actor(self) -> Actor: ...
    @property
    def key(self) -> str | None: ...
    @property
    def request_hash(self) -> str: ...
    @property
    def policy(self) -> Policy: ...


class Client(Protocol):
    """Who waits for the answer."""

    @property
    def gone(self) -> bool: ...


class Attempt(Protocol):
    """A client's attempt at an order. `reserved` are units that older waiting orders need."""

    @property
    def command(self) -> Placing: ...
    @property
    def caller(self) -> Client: ...
    @property
    def reserved(self) -> Mapping[str, int]: ...


class _Shelf:
    """One product while orders take units of it: those `left` to this life, and what was `sold` of them in
    how many `movements`. `length` is that of its events (app.domain.bounds)."""

    __slots__ = ("cells", "left", "length", "movements", "product", "sold")

    def __init__(self, product: Product, cells: Cells, *, branch: str) -> None:
        self.product = product
        self.cells = cells
        self.left = cells.rights
        self.sold = self.movements = 0
        self.length = cells.length_of(branch)

    def take(self, quantity: int) -> None:
        self.left -= quantity
        self.sold += quantity
        self.movements += 1


class _Plain(NamedTuple):
    """A plain order, whose units are taken from their shelves."""

    command: Placing
    customer: Customer
    sold: list[tuple[_Shelf, int]]
    total_cents: int


def place_orders(tx: Transaction, attempts: Iterable[Attempt]) -> list[Placed]:
    """Place the first of these orders, as many as are plain, and return what became of each. The next one, if
    there is any, may be refused, or needs a closer look. Of those that are not placed nothing is written."""
    if new_orders.has_added():
        return []
    shop = _Shop(tx)
    plain = [*shop.take_plain(attempts)]
    if not plain:
        return []
    stock_table.move_without_events(tx, [*shop.movements()])
    return _write(tx, plain)


class _Shop:
    """What a group of orders looks up, each thing once."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._customers: dict[str, Customer] = {}
        self._by_name: dict[str, _Shelf] = {}
        self._shelves: dict[str, _Shelf] = {}
        self._keys: set[tuple[str, str]] = set()

    def take_plain(self, attempts: Iterable[Attempt]) -> Iterator[_Plain]:
        """Take the units of the first of these orders, as many as are plain."""
        for attempt in attempts:
            try:
                found = self._look_at(attempt)
            except (StateError, StorageError):
                return  # it is met again, and told to whom it concerns
            if found is None:
                return
            for shelf, quantity in found.sold:
                shelf.take(quantity)
            yield found

    def movements(self) -> Iterator[Movement]:
        """What moved on each shelf."""
        for shelf in self._shelves.values():
            before = shelf.cells.own
            if before is not None and shelf.movements:
                yield Movement(shelf.cells, before, before.add("sold", shelf.sold, times=shelf.movements))

    def _look_at(self, attempt: Attempt) -> _Plain | None:
        command, reserved = attempt.command, attempt.reserved
        order = command.order
        if command.policy != "escrow" or attempt.caller.gone or not self._is_new(command):
            return None
        customer = self._customers.get(order.customer) or self._customer(order.customer)
        if customer is None:
            return None
        sold: list[tuple[_Shelf, int]] = []
        seen, total_cents, length = set(), 0, 0
        for name, quantity in order.lines:
            shelf = self._by_name.get(name) or self._shelf(name)
            if shelf is None or quantity > shelf.left:
                return None
            product = shelf.product
            if reserved and quantity > shelf.left - reserved.get(product.id, 0):
                return None
            seen.add(product.id)
            total_cents += quantity * product.price_cents
            length += shelf.length
            sold.append((shelf, quantity))
        if len(seen) < len(sold) or total_cents > LARGEST or length > bounds.MOST_STOCK_OF_ORDER:
            return None
        return _Plain(command, customer, sold, total_cents)

    def _is_new(self, command: Placing) -> bool:
        """Whether no order has this key yet; one without a key is new."""
        if command.key is None:
            return True
        used = command.actor.user_id, command.key
        if used in self._keys or orders.find_placed(self._tx, *used):
            return False
        self._keys.add(used)
        return True

    def _customer(self, name: str) -> Customer | None:
        found = customers.find_to_copy(self._tx, name)
        if found is not None:
            self._customers[name] = found
        return found

    def _shelf(self, name: str) -> _Shelf | None:
        """The shelf of a product by one of its names, if this life has a cell of it by whose rights alone it
        may sell."""
        product = products.find_to_copy(self._tx, name)
        if product is None:
            return None
        shelf = self._shelves.get(product.id)
        if shelf is None:
            cells = stock_table.to_spend(self._tx, product.id)
            if cells.own is None or cells.own.recovered or cells.own.beyond:
                return None
            shelf = self._shelves[product.id] = _Shelf(product, cells, branch=self._tx.identity.name)
        self._by_name[name] = shelf
        return shelf


def _write(tx: Transaction, plain: Sequence[_Plain]) -> list[Placed]:
    """Write these orders, each at a logical time of its own."""
    rows, lines, entries, placed = [], [], [], []
    for one in plain:
        tx.counters.lamport += 1
        values, sold, seq = _announce(tx, one)
        new = new_orders.of_plain(values, sold)
        rows.append((*new.values, tx.identity.epoch, seq, ""))
        lines += new.lines
        order_id = new.values[0]
        tx.changed("orders", order_id, before=None, after=new.encoded)
        command = one.command
        if command.key is not None:
            use = KeyUse(order_id, tx.identity.name, command.request_hash)
            orders.note_key(tx, command.actor.user_id, command.key, use)
        entries.append((command.actor, order_id, new.encoded))
        placed.append(Placed(order_id, _view(values, sold, one.customer)))
    orders.defer(tx, rows, lines)
    tx.audit_new(entries, action="placed", entity="order", version=1)
    return placed


def _announce(tx: Transaction, one: _Plain) -> tuple[tuple[Any, ...], list[tuple[Any, ...]], int]:
    """Append an order's events. Returns the values of the order and those of its lines, by name, and the seq
    of its own event: it comes last."""
    me, command, counters, draw = tx.identity, one.command, tx.counters, tx.random.randbytes
    sold = [
        (number, shelf.product.name, shelf.product.id, quantity, shelf.product.sku, shelf.product.price_cents)
        for number, (shelf, quantity) in enumerate(one.sold, start=1)
    ]
    events = [("stock_update", product_id, draw(16)) for product_id in sorted([line[2] for line in sold])]
    order_id = identity.order_id(tx.now, draw(10), branch=me.name)
    events.append(("order_created", order_id, draw(16)))
    seq = tx.append(events)
    counters.order_counter += 1
    values = (
        me.name,
        tx.now,
        one.customer.id,
        me.epoch,
        order_id,
        command.key,
        counters.lamport,
        command.order.note,
        orders.number_of(me, counters.order_counter),
        command.request_hash,
        "placed",
        one.total_cents,
        command.actor.user_id,
        1,
    )
    return values, sold, seq


def _view(values: Sequence[Any], sold: Sequence[Sequence[Any]], customer: Customer) -> OrderView:
    branch, created_at, _, epoch, order_id, _, _, note, number, _, status, total_cents, _, version = values
    lines = [
        OrderLine(line, product_id, sku, name, quantity, price_cents)
        for line, name, product_id, quantity, sku, price_cents in sold
    ]
    return OrderView(
        order_id,
        number,
        branch,
        epoch,
        status,
        customer,
        tuple(lines),
        total_cents,
        note,
        version,
        times.shown(created_at),
        [],
        [],
    )

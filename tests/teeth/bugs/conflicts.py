"""Bugs of what two branches say of the same thing: products, customers, users, and orders asked for twice."""

import itertools
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import fields, replace
from typing import Any
from unittest import mock

from app.database import Transaction
from app.database.identity import begin_start
from app.domain import lww
from app.domain.errors import OutOfStock
from app.domain.order import Order, Status
from app.domain.product import Product
from app.domain.user import User
from app.services.order_service import OrderService
from app.state.commands import order_commands
from app.state.registry import replicated
from app.state.tables import lww_table, orders, products, stock_table
from app.state.tables.lww_table import LwwTable
from app.state.tables.orders import OrderView
from app.sync.wire import kinds
from app.sync.wire.kinds import KINDS
from app.sync.wire.messages import WireEvent
from tests.catalogue.test_users_meet import (
    test_a_deactivation_beats_a_password_reset_and_a_promotion_made_elsewhere,
)
from tests.recovery.test_apart import (
    test_an_order_brings_its_customer_where_nobody_told_of_it_yet,
    test_nothing_that_nodes_do_looks_like_an_altered_row,
    test_one_key_used_at_two_branches_makes_two_orders_that_are_listed,
    test_the_same_product_made_at_two_branches_is_one,
    test_tokens_end_though_a_later_change_elsewhere_had_not_heard_why,
    test_who_saw_an_edit_and_made_another_wins_by_whatever_clock,
)
from tests.teeth.bug import Checked, Directed, Simulated, bug
from tests.teeth.receiving import apply_each_by


@bug("a row never goes back to an older edit", Simulated(seed=2))
def last_edit_to_arrive_wins() -> AbstractContextManager[object]:
    """Products and customers take whatever version came last."""

    def newer(current: lww.Edit, incoming: lww.Edit) -> bool:
        return incoming != current

    return mock.patch.object(lww_table, "newer", newer)


@bug(
    "who saw an edit and made another wins",
    Directed(test_who_saw_an_edit_and_made_another_wins_by_whatever_clock),
)
def last_writer_by_wall_clock() -> AbstractContextManager[object]:
    """An edit is stamped with the time of day of the branch that made it."""
    edit = LwwTable._edit

    def at_this_hour(record: LwwTable[Any], tx: Transaction, *rows: Any, **options: Any) -> dict[str, Any]:
        with mock.patch.object(Transaction, "lamport", int(tx.now)):
            return edit(record, tx, *rows, **options)

    return mock.patch.object(LwwTable, "_edit", at_this_hour)


@bug("a row never goes back to an older edit", Simulated())
def last_writer_by_the_envelopes_lamport() -> AbstractContextManager[object]:
    """A product or customer counts as edited when the event was written that it came with, and an order
    brings old ones."""
    apply = kinds.apply

    def restamped(event: WireEvent, row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "lamport": event.lamport}

    def by_envelope(tx: Transaction, event: WireEvent, *, origin: str) -> stock_table.Merged:
        body = event.body
        if event.kind in ("order_created", "order_cancelled"):
            rows = [restamped(event, row) for row in body["products"]]
            body = {**body, "customer": restamped(event, body["customer"]), "products": rows}
        elif event.kind == "stock_update":
            body = {**body, "product": restamped(event, body["product"])}
        return apply(tx, event.model_copy(update={"body": body}), origin=origin)

    return apply_each_by(by_envelope)


@bug(
    "the same product made twice is one",
    Directed(test_the_same_product_made_at_two_branches_is_one),
)
def unique_sku_and_random_ids() -> AbstractContextManager[object]:
    """Each branch draws the id of a product it makes, and the table allows each sku once."""
    drawn = itertools.count(1)

    class Drawing(LwwTable[Product]):
        def _found(self, connection: Any, reference: str, *_options: Any) -> dict[str, Any] | None:
            row = connection.execute(
                "SELECT id FROM products WHERE id = :given OR sku = :given COLLATE NOCASE",
                {"given": reference},
            ).fetchone()
            return self.snapshot(connection, row[0]) if row else None

        def checked(self, _tx: Transaction, row: Mapping[str, Any]) -> dict[str, Any]:
            return dict(row)

    def start(connection: sqlite3.Connection, **options: Any) -> Any:
        connection.execute("CREATE UNIQUE INDEX IF NOT EXISTS skus ON products (sku COLLATE NOCASE)")
        return begin_start(connection, **options)

    def draw(_cluster: str, _sku: str) -> str:
        return f"00000000-0000-4000-8000-{next(drawn):012d}"

    values = {f.name: getattr(products.PRODUCTS, f.name) for f in fields(LwwTable) if f.init}
    drawing = Drawing(**{**values, "identify": draw})
    declared = tuple(
        replicated.of_records(drawing) if entity.relation == "products" else entity
        for entity in replicated.entities()
    )
    stack = ExitStack()
    stack.enter_context(mock.patch.object(products, "PRODUCTS", drawing))
    stack.enter_context(mock.patch.object(replicated, "entities", return_value=declared))
    stack.enter_context(mock.patch("app.database.opened.begin_start", start))
    return stack


@bug(
    "what is valid where it was made fails nowhere",
    Directed(test_one_key_used_at_two_branches_makes_two_orders_that_are_listed),
)
def unique_idempotency_keys() -> AbstractContextManager[object]:
    """The table of orders allows each key of a user once, also for orders of other branches."""

    def start(connection: sqlite3.Connection, **options: Any) -> Any:
        connection.execute("CREATE UNIQUE INDEX IF NOT EXISTS keys ON orders (user_id, idempotency_key)")
        return begin_start(connection, **options)

    return mock.patch("app.database.opened.begin_start", start)


@bug(
    "an order arrives with what it refers to",
    Directed(test_an_order_brings_its_customer_where_nobody_told_of_it_yet),
)
def order_event_without_its_catalogue() -> AbstractContextManager[object]:
    """An order travels alone: its customer and products come by events of their own, some time."""

    alone = replace(
        kinds.KINDS["order_created"],
        collect=lambda source, order_id: {"orders": source.rows("orders", [order_id])},
        pack=lambda rows: {"order": rows["orders"][0]},
        unpack=lambda body: {"orders": [body["order"]]},
    )
    return mock.patch.dict(KINDS, {"order_created": alone})


@bug(
    "a deactivation wins over what had not seen it",
    Directed(test_a_deactivation_beats_a_password_reset_and_a_promotion_made_elsewhere),
)
def deactivation_lost_to_a_later_edit() -> AbstractContextManager[object]:
    """Whether a user may act goes with the role that was set last."""
    merge = User.merge

    def with_the_role(ours: User, theirs: User) -> User:
        last = max(ours, theirs, key=lambda one: one.role_stamp)
        return replace(merge(ours, theirs), activity=last.activity)

    return mock.patch.object(User, "merge", with_the_role)


@bug(
    "tokens in use end with a change of rights",
    Directed(test_tokens_end_though_a_later_change_elsewhere_had_not_heard_why),
)
def token_version_by_the_last_writer() -> AbstractContextManager[object]:
    """The version that tokens must have is that of the last edit, not the highest."""
    merge = User.merge

    def with_the_last(ours: User, theirs: User) -> User:
        last = max(ours, theirs, key=lambda one: max(one.role_stamp, one.credentials))
        return replace(merge(ours, theirs), token_version=last.token_version)

    return mock.patch.object(User, "merge", with_the_last)


@bug(
    "the digest is that of the rows",
    Directed(test_nothing_that_nodes_do_looks_like_an_altered_row),
)
def digest_of_stale_rows() -> AbstractContextManager[object]:
    """A change of an order's status is not told to the digest."""

    def silently(tx: Transaction, before: Order, *, status: Status, version: int) -> Order:
        tx.connection.execute(
            "UPDATE orders SET status = ?, version = ? WHERE id = ?", (status, version, before.id)
        )
        return replace(before, status=status, version=version)

    return mock.patch.object(orders, "set_status", silently)


@bug("the same key is the same order", Checked())
def forget_keys() -> AbstractContextManager[object]:
    """An Idempotency-Key that was used before makes another order."""
    return mock.patch.object(order_commands, "_repeated", return_value=None)


@bug("the same key is the same order, after a crash too", Checked(seed=9))
def keys_kept_in_memory() -> AbstractContextManager[object]:
    """A node knows the keys used since it was started."""
    repeated, place = order_commands._repeated, order_commands.place_order
    used: set[tuple[str, int, str]] = set()

    def remembered(tx: Transaction, user_id: str, key: str | None, request_hash: str) -> str | None:
        known = (tx.identity.name, tx.identity.starts, str(key)) in used
        return repeated(tx, user_id, key, request_hash) if known else None

    def remember(
        tx: Transaction, order: order_commands.PlaceOrder, *, key: str | None, **options: Any
    ) -> order_commands.Placed:
        placed = place(tx, order, key=key, **options)
        used.add((tx.identity.name, tx.identity.starts, str(key)))
        return placed

    stack = ExitStack()
    stack.enter_context(mock.patch.object(order_commands, "_repeated", remembered))
    stack.enter_context(mock.patch("app.services.order_service.place_order", remember))
    return stack


@bug("an order is the same everywhere", Simulated())
def keys_stay_at_their_branch() -> AbstractContextManager[object]:
    """An order's key is not stored at its peers."""
    insert = orders.insert

    def without(tx: Transaction, order: Order, *, seq: int = 0, donor: str = "") -> bytes:
        return insert(tx, replace(order, idempotency_key=None) if donor else order, seq=seq, donor=donor)

    return mock.patch.object(orders, "insert", without)


@bug("what was refused did not happen", Checked())
def refuse_after_taking() -> AbstractContextManager[object]:
    """An order that is taken is refused to its client, now and then."""
    place = OrderService.place
    taken = 0

    async def deny(service: OrderService, order: order_commands.PlaceOrder, **options: Any) -> OrderView:
        nonlocal taken
        placed = await place(service, order, **options)
        taken += 1
        if taken % 10 == 0:
            raise OutOfStock([])
        return placed

    return mock.patch.object(OrderService, "place", deny)

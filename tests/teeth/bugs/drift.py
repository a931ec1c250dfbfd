"""Drifts: our own software writes, reads or counts rows otherwise than before. The network has to survive
each."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

from app.database import Transaction, migrations, opened
from app.database.digest import canonical
from app.database.pieces import Pieces
from app.database.seals import Stored
from app.state.registry import replicated
from app.state.registry.entity import Entity
from app.state.repair import buckets, checking
from app.state.repair.checking import Trouble
from tests.teeth import drifting
from tests.teeth.bug import Survived, bug

SURVIVES = "no order is lost and nothing oversold, and an alarm names the rows"


def _encoded_otherwise(relation: str) -> AbstractContextManager[object]:
    """Let the rows of a relation have another canonical form wherever the code has drifted."""
    declared = replicated.entities()

    def encode(row: dict[str, Any]) -> bytes:
        return canonical(row) + b" "

    drifted = tuple(replace(e, encode=encode) if e.relation == relation else e for e in declared)
    changed = Transaction.changed

    def change(tx: Transaction, of: str, key: str, *, before: Any, after: Any) -> int:
        if of != relation or not drifting.is_on():
            return changed(tx, of, key, before=before, after=after)
        with mock.patch("app.database.digest.canonical", encode):
            return changed(tx, of, key, before=before, after=after)

    def entities() -> tuple[Entity, ...]:
        return drifted if drifting.is_on() else declared

    stack = ExitStack()
    stack.enter_context(mock.patch.object(replicated, "entities", entities))
    stack.enter_context(mock.patch.object(Transaction, "changed", change))
    return stack


@bug(SURVIVES, Survived(drifting.at_one_node_from_its_start))
def another_form_of_customers_at_one_node() -> AbstractContextManager[object]:
    """One node's next version writes customers in another JSON form, under the same revision."""
    return _encoded_otherwise("customers")


@bug(SURVIVES, Survived(drifting.at_all_nodes_from_their_start))
def another_form_of_customers_at_all_nodes() -> AbstractContextManager[object]:
    """All nodes' next version writes customers in another JSON form, under the same revision."""
    return _encoded_otherwise("customers")


@bug(SURVIVES, Survived(drifting.at_all_nodes_from_their_start))
def another_form_of_stock_at_all_nodes() -> AbstractContextManager[object]:
    """All nodes' next version writes stock rows in another JSON form: they sell on, by rows that are as
    written."""
    return _encoded_otherwise("stock")


@bug(SURVIVES, Survived(drifting.at_all_nodes_in_the_middle))
def another_form_of_orders_in_the_middle() -> AbstractContextManager[object]:
    """A library that all nodes have loaded begins to serialise orders otherwise while they run."""
    return _encoded_otherwise("orders")


def _uncounted(relation: str) -> AbstractContextManager[object]:
    changed = Transaction.changed

    def change(tx: Transaction, of: str, key: str, *, before: Any, after: Any) -> int:
        if of != relation or not drifting.is_on():
            return changed(tx, of, key, before=before, after=after)
        return 0

    return mock.patch.object(Transaction, "changed", change)


@bug(SURVIVES, Survived(drifting.at_all_nodes_in_the_middle))
def forgotten_digest_update_of_orders() -> AbstractContextManager[object]:
    """A new command writes orders and does not count them in the digest."""
    return _uncounted("orders")


@bug(SURVIVES, Survived(drifting.at_one_node_from_its_start))
def forgotten_digest_update_of_stock_at_one_node() -> AbstractContextManager[object]:
    """One node's next version moves stock and does not count it in the digest."""
    return _uncounted("stock")


def _migration(alters: Callable[[str], bool]) -> AbstractContextManager[object]:
    """Let the migrations of a start alter a row of those nodes' files for which `alters` says so."""

    def migrated(path: Any, **options: Any) -> None:
        migrations.migrate(path, **options)
        if drifting.is_on() and alters(path.parent.name):
            drifting.alter(path)

    return mock.patch.object(opened, "migrate", migrated)


@bug(SURVIVES, Survived(drifting.at_one_node_from_its_start))
def a_migration_that_alters_a_row_at_one_node() -> AbstractContextManager[object]:
    """A migration changes a product's name and makes no new seal for it."""
    return _migration(lambda _name: True)


@bug(SURVIVES, Survived(drifting.at_all_nodes_from_their_start))
def a_migration_that_alters_a_row_at_all_nodes() -> AbstractContextManager[object]:
    """The same in every node's file: nobody can confirm what the row was, and it stays."""
    return _migration(lambda _name: True)


@bug(SURVIVES, Survived(drifting.at_one_node_whose_rows_are_altered, alters=True))
def a_scrub_that_lies() -> AbstractContextManager[object]:
    """A node's scrub says that all is well: who meets the row in use still says which it is."""
    look = checking.look_for_troubles

    def lie() -> Pieces[list[Trouble]]:
        found = yield from look()
        return [] if drifting.is_on() else found

    return mock.patch.object(checking, "look_for_troubles", lie)


@bug(SURVIVES, Survived(drifting.beside_a_donor_that_is_altered_too, alters=True))
def a_donor_that_lies() -> AbstractContextManager[object]:
    """Every donor gives its rows as sound, whatever their seals say: who asks compares them."""

    def give(connection: Any, relation: str, bucket: int) -> list[Stored] | None:
        entity: Entity | None = replicated.find(relation)
        return None if entity is None else entity.in_bucket(connection, bucket)

    original = buckets.give
    return mock.patch.object(buckets, "give", lambda *a: give(*a) if drifting.is_on() else original(*a))

"""The next version of the node beside this one: each process has the rows, entities and kinds of its own.

A machine's `version` says which one its process runs. One that runs the next version speaks other protocol
versions, migrates its file when it opens it, and writes what only it knows (next_rows). One that goes back
opens that file by the statements it finds there, as any older code does.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from app.database import Transaction, migrations, opened
from app.database.forms import Forms, Progress
from app.database.migrations import newest_revision
from app.domain import forms
from app.domain.forms import Form, Row
from app.domain.order import Order
from app.domain.stock import Cell
from app.domain.user import User
from app.state.registry import replicated
from app.state.registry.entity import Entity
from app.state.tables import orders, products, users
from app.state.tables.lww_table import LwwTable
from app.sync import replication
from app.sync.log import batches, dead_letters
from app.sync.wire import kinds
from app.sync.wire.kinds import KINDS, Kind
from app.sync.wire.messages import PROTOCOL, Batch, WireEvent
from tests.simulation.machines import next_rows
from tests.simulation.machines.process import process_now

T = TypeVar("T")

THIS, NEXT = 1, 2
NEXT_SCHEMA = "9999"
OVERLAPS, BREAKS = (PROTOCOL[0], PROTOCOL[1] + 1), (PROTOCOL[1] + 1, PROTOCOL[1] + 1)
"""The protocol versions of the next version of the node: with this one's among them, or not."""

Written = Callable[[str], None]
"""Gets the id of each order that the next version writes, whether or not it is committed."""

Parked = Callable[[WireEvent, Exception], None]
"""Gets each event that is parked, and why."""


def is_next() -> bool:
    """Whether the process that runs now is one of the next version."""
    process = process_now()
    return process is not None and process.version == NEXT


@contextmanager
def side_by_side(written: Written, parked: Parked) -> Iterator[None]:
    """Let every process have rows and kinds of its own version, and write what is new in it."""
    with ExitStack() as stack:
        for module, name, part in (
            (forms, "of", _form),
            (replicated, "entities", _entities(replicated.entities)),
            (kinds, "KINDS", _Kinds()),
            (dead_letters, "KINDS", _Kinds()),
            (batches, "KINDS", _Kinds()),
            (dead_letters, "park", _parking(dead_letters.park, parked)),
            (opened, "migrate", _migrating(migrations.migrate)),
            (users, "_new", _changed(users._new, next_rows.with_badge)),
            (Cell, "add", _moving(Cell.add)),
            (Cell, "grant", _moving(Cell.grant)),
            (orders, "insert", _inserting(orders.insert, written)),
            (LwwTable, "_edit", _editing(LwwTable._edit)),
        ):
            stack.enter_context(mock.patch.object(module, name, part))
        yield


def built(version: int, protocol: tuple[int, int]) -> AbstractContextManager[object]:
    """A node that is made meanwhile is one of this version, or of the next one, which speaks `protocol`."""
    if version == THIS:
        return nullcontext()
    stack = ExitStack()
    stack.enter_context(mock.patch.object(replication, "PROTOCOL", protocol))
    stack.enter_context(mock.patch.object(replication, "newest_revision", return_value=NEXT_SCHEMA))
    return stack


class _Kinds(Mapping[str, Kind]):
    """The kinds that the process which runs now knows."""

    def __getitem__(self, name: str) -> Kind:
        return next_rows.KINDS[name] if is_next() and name in next_rows.KINDS else KINDS[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*KINDS, *(next_rows.KINDS if is_next() else ())))

    def __len__(self) -> int:
        return len([*iter(self)])


def _form(relation: str) -> Form:
    return (next_rows.FORMS if is_next() else forms.THIS_VERSION)[relation]


def _entities(this: Callable[[], tuple[Entity, ...]]) -> Callable[[], tuple[Entity, ...]]:
    return lambda: next_rows.ENTITIES if is_next() else this()


def _migrating(migrate: Callable[..., None]) -> Callable[..., None]:
    def wrapped(path: Path, *, forms: Forms, progress: Progress) -> None:
        if is_next():
            _upgrade(path, forms, progress)
        else:
            migrate(path, forms=forms, progress=progress)

    return wrapped


def _upgrade(path: Path, canonical: Forms, progress: Progress) -> None:
    """The migration of the next version, in one transaction as every other."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        if revision != NEXT_SCHEMA:
            assert revision == newest_revision(), "every history begins with the newest schema"
            next_rows.upgrade(connection)
            connection.execute(
                "INSERT OR REPLACE INTO schema_steps (revision, down_revision, statements) VALUES (?, ?, ?)",
                (NEXT_SCHEMA, revision, json.dumps(next_rows.DOWN)),
            )
            connection.execute("UPDATE alembic_version SET version_num = ?", (NEXT_SCHEMA,))
        migrations._recompute(connection, canonical, progress)
        connection.execute("COMMIT")


def _parking(park: Callable[..., None], parked: Parked) -> Callable[..., None]:
    def wrapped(tx: Transaction, batch: Batch, event: WireEvent, error: Exception) -> None:
        parked(event, error)
        park(tx, batch, event, error)

    return wrapped


def _changed(make: Callable[..., User], change: Callable[[User], User]) -> Callable[..., User]:
    def wrapped(*args: Any, **options: Any) -> User:
        made = make(*args, **options)
        return change(made) if is_next() else made

    return wrapped


def _moving(move: Callable[..., Cell]) -> Callable[..., Cell]:
    def wrapped(self: Cell, *args: Any) -> Cell:
        after = move(self, *args)
        return next_rows.with_moves(after) if is_next() else after

    return wrapped


def _inserting(insert: Callable[..., bytes], written: Written) -> Callable[..., bytes]:
    def wrapped(tx: Transaction, order: Order, *, seq: int = 0, donor: str = "") -> bytes:
        if is_next() and seq:
            order = next_rows.with_channel(order)
            written(order.id)
        return insert(tx, order, seq=seq, donor=donor)

    return wrapped


def _editing(edit: Callable[..., Row]) -> Callable[..., Row]:
    def wrapped(self: LwwTable[Any], tx: Transaction, before: Row | None, after: Row, **options: Any) -> Row:
        if is_next() and self.relation != next_rows.SUPPLIERS:
            after = next_rows.with_field(self.relation, after, tx.lamport)
        view = edit(self, tx, before, after, **options)
        if is_next() and self is products.PRODUCTS:
            tx.emit(next_rows.REPRICED, after["id"])
        return view

    return wrapped

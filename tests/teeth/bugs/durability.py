"""Bugs of durability: what was said before it was true, half done, or kept where a crash cannot keep it."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any
from unittest import mock

from app.database import Database, Transaction
from app.database.opened import OpenedFile
from app.database.writer import Writer
from app.security.replica_tokens import ReplicaClaims
from app.services.stock_service import StockService
from app.state.commands import grants
from app.sync.log import positions, receiver
from app.sync.peer_server import PeerServer
from app.sync.wire import kinds
from app.sync.wire.messages import Batch, BatchReceipt
from tests.recovery.test_half_done import (
    test_after_every_commit_a_position_has_all_that_stands_before_it,
    test_after_every_commit_all_that_changed_is_announced,
    test_an_order_that_is_given_up_after_its_rows_were_written_leaves_nothing,
    test_orders_whose_commit_reported_an_error_are_taken_once,
)
from tests.support.seams import Connect, writers_made_by, writing_connection
from tests.teeth.bug import Directed, Simulated, bug


class _LateCommits(sqlite3.Connection):
    """Makes only the first of three COMMITs durable; the others wait for the next that is."""

    commits = 0

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql == "COMMIT":
            self.commits += 1
        deferred = sql == "COMMIT" and self.commits % 3 != 1
        if deferred or (sql.startswith("BEGIN") and self.in_transaction):
            return super().execute("SELECT 1")
        return super().execute(sql, parameters)


@bug("an acknowledged order survives a crash", Simulated())
def acknowledge_before_commit() -> AbstractContextManager[object]:
    """Answers leave while their transaction is still open; the node itself reads what is not committed."""

    def late(connect: Connect) -> Connect:
        def connect_late(file: OpenedFile) -> sqlite3.Connection:
            connect(file).close()
            connection = sqlite3.connect(file._path, isolation_level=None, factory=_LateCommits)
            connection.row_factory = sqlite3.Row
            return connection

        return connect_late

    def query(file: OpenedFile, ask: Callable[[sqlite3.Connection], Any], *, exact: bool) -> Any:
        connection = writing_connection(file)
        assert connection is not None, "queries come after opening"
        return ask(connection)

    stack = ExitStack()
    stack.enter_context(writers_made_by(late))
    stack.enter_context(mock.patch.object(OpenedFile, "query", query))
    return stack


class _Undone(Exception):
    pass


@bug("what a transfer's answer grants, the giver has given", Simulated())
def transfer_reply_before_commit() -> AbstractContextManager[object]:
    """A giver answers with what it is about to write, and writes it in its own time."""
    give = StockService.give
    writing: set[asyncio.Task[Any]] = set()

    async def promise(service: StockService, request: grants.Request) -> grants.Granted:
        reserved = service._waiting.reserved(before=request.age).get(request.product_id, 0)
        promised: list[grants.Granted] = []

        def rehearse(tx: Transaction) -> None:
            with suppress(_Undone), tx.savepoint():
                promised.append(grants.give(tx, request, reserved=reserved))
                raise _Undone

        await service._database.write(rehearse)
        task = asyncio.create_task(give(service, request))
        writing.add(task)
        task.add_done_callback(writing.discard)
        return promised[0]

    return mock.patch.object(StockService, "give", promise)


@bug(
    "what is written is announced, whenever the node dies",
    Directed(test_after_every_commit_all_that_changed_is_announced),
)
def outbox_event_outside_the_transaction() -> AbstractContextManager[object]:
    """The event of a cancellation or of an edit is written after its change, in a transaction of its own."""
    write, emit = Database.write, Transaction.emit
    apart = ("order_cancelled", "product_upserted", "customer_upserted")

    def emit_later(tx: Transaction, kind: str, entity: str) -> int:
        later: list[tuple[str, str]] | None = getattr(tx, "later", None)
        if later is None or kind not in apart:
            return emit(tx, kind, entity)
        later.append((kind, entity))
        return tx.counters.seq

    async def write_twice(database: Database, command: Callable[[Transaction], Any]) -> Any:
        later: list[tuple[str, str]] = []

        def noting(tx: Transaction) -> Any:
            tx.later = later  # type: ignore[attr-defined]  # for emit_later
            return command(tx)

        value = await write(database, noting)
        if later:
            await write(database, lambda tx: [emit(tx, *event) for event in later])
        return value

    stack = ExitStack()
    stack.enter_context(mock.patch.object(Transaction, "emit", emit_later))
    stack.enter_context(mock.patch.object(Database, "write", write_twice))
    return stack


@bug(
    "a position says what was applied, whenever the node dies",
    Directed(test_after_every_commit_a_position_has_all_that_stands_before_it),
)
def position_in_a_transaction_of_its_own() -> AbstractContextManager[object]:
    """A receiver notes a batch as applied, and then applies it."""

    async def event(peer_server: PeerServer, claims: ReplicaClaims, batch: Batch) -> BatchReceipt:
        peer_server._peers.heard(peer_server._sender(claims, batch.origin, batch.epoch))
        bare = batch.model_copy(update={"events": []})
        before = await peer_server._database.read(lambda connection: positions.at(connection, batch.life))
        receipt = await peer_server._database.write(lambda tx: receiver.receive(tx, bare))

        def apply(tx: Transaction) -> None:
            for one in batch.events:
                kinds.apply(tx, one, origin=batch.origin)

        if before.seq < receipt.position.seq:
            await peer_server._database.write(apply)
        return BatchReceipt(epoch=batch.to_epoch, position=receipt.position, parked=0)

    return mock.patch.object(PeerServer, "event", event)


@bug(
    "a command is done whole or not at all",
    Directed(test_an_order_that_is_given_up_after_its_rows_were_written_leaves_nothing),
)
def half_of_a_failed_command_stays() -> AbstractContextManager[object]:
    """A command that raises is not undone: what it wrote until then is committed with its group."""

    class Forgetful(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            return super().execute("SELECT 1" if sql == "ROLLBACK TO command" else sql, parameters)

    return _connections(Forgetful)


@bug(
    "one command's failure is not its neighbours'",
    Directed(test_an_order_that_is_given_up_after_its_rows_were_written_leaves_nothing),
)
def a_failed_command_voids_its_group() -> AbstractContextManager[object]:
    """A command that raises takes along what the others of its group had written, and they are told that
    all is well."""

    class Rash(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            if sql == "ROLLBACK TO command":
                super().execute("ROLLBACK")
                super().execute("BEGIN IMMEDIATE")
                return super().execute("SAVEPOINT command")
            return super().execute(sql, parameters)

    return _connections(Rash)


@contextmanager
def _connections(factory: type[sqlite3.Connection]) -> Iterator[None]:
    """Let every connection of this process be one of these."""
    connect = sqlite3.connect

    def of_this_kind(*arguments: Any, **options: Any) -> Any:
        return connect(*arguments, **{"factory": factory, **options})

    with mock.patch.object(sqlite3, "connect", of_this_kind):
        yield


@bug(
    "an outbox has no holes",
    Directed(test_an_order_that_is_given_up_after_its_rows_were_written_leaves_nothing),
)
def seq_kept_in_memory_across_a_rollback() -> AbstractContextManager[object]:
    """The next seq is counted beside the database, so a command that is undone uses some up."""
    run = Writer._run

    def remember(writer: Writer, command: Any, counters: Any, *more: Any, **options: Any) -> Any:
        highest = counters.seq

        def noting(tx: Transaction) -> Any:
            nonlocal highest
            try:
                return command(tx)
            finally:
                highest = tx.counters.seq

        outcome, after, *rest = run(writer, noting, counters, *more, **options)
        return outcome, replace(after, seq=max(after.seq, highest)), *rest

    return mock.patch.object(Writer, "_run", remember)


@bug("nothing is done twice", Directed(test_orders_whose_commit_reported_an_error_are_taken_once))
def an_error_of_commit_means_not_stored() -> AbstractContextManager[object]:
    """What is not known to have failed is taken to have failed, and done once more."""
    reopen = Writer.reopen

    def not_stored(writer: Writer, _groups: int) -> bool:
        reopen(writer)
        return False

    return mock.patch.object(Writer, "_is_stored", not_stored)

"""A branch as the writer sees it: one database in memory, commands run one by one, no clients and no network.

Enough for everything that is decided inside transactions, and fast enough for thousands of histories.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from app.database import Actor, Identity, Transaction
from app.database.commands import Command, Outcome
from app.database.digest import canonical, read_digests
from app.database.effects import Effects
from app.database.identity import begin_start
from app.database.seals import require_written
from app.database.writer import Writer
from app.domain import stock
from app.domain.customer import NewCustomer
from app.domain.life import Life
from app.domain.product import NewProduct
from app.domain.ranges import Ranges
from app.domain.stock import Policy
from app.state.commands import new_epoch, order_commands, stock_commands
from app.state.commands.order_commands import PlaceOrder
from app.state.commands.stock_commands import Adjustment
from app.state.registry import replicated
from app.state.tables import customers, life_table, products, stock_table
from app.sync.log import batches, cursors, outbox, receiver
from app.sync.wire.messages import Batch
from tests.support.virtual import BEGAN_AT

T = TypeVar("T")

CLUSTER = "6f1f6f4e-3c1d-4a55-9d0e-2f0e5a6b7c8d"
ACTOR = Actor(user_id="1b671a64-40d5-491e-99b0-da01ff1f3341", request_id="a-request")


class Branch:
    """One branch's state. `do` runs a command as a group of its own; time passes a second per command."""

    def __init__(self, name: str, *, schema: sqlite3.Connection) -> None:
        self.random = Random(name)
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        schema.backup(self.connection)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA foreign_keys = ON")
        self._now = BEGAN_AT
        self._writer = Writer(
            lambda: self.connection,
            identity=begin_start(self.connection, cluster_id=CLUSTER, name=name, random=self.random),
            wall=self._tick,
            random=self.random,
            compares=True,
        )

    def _tick(self) -> float:
        self._now += 1.0
        return self._now

    @property
    def identity(self) -> Identity:
        return self._writer.identity

    @property
    def life(self) -> Life:
        return Life(self.identity.name, self.identity.epoch)

    def do(self, command: Callable[[Transaction], T]) -> T:
        """Run a command and commit it; raise what it raised."""
        (outcome,) = self.do_all([command])
        if outcome.error is not None:
            raise outcome.error
        return outcome.value  # type: ignore[no-any-return]  # of the command's own type

    def do_all(self, commands: Sequence[Command]) -> Sequence[Any]:
        """Run a group and commit it once; the outcomes."""
        return self.run(commands)[0]

    def run(self, commands: Sequence[Command]) -> tuple[Sequence[Outcome], Effects]:
        """Run a group and commit it once; the outcomes, and what it changed."""
        return self._writer.run_group(commands)

    def next_life(self) -> None:
        """Begin a new epoch on the same rows, as a node does whose disk was rolled back."""
        self.do(lambda tx: new_epoch.begin_again(tx, why="a test says so"))

    def product(self, sku: str, *, price_cents: int = 1000) -> str:
        """Create a product; its id."""
        made = NewProduct(sku=sku, name=f"Product {sku}", price_cents=price_cents)
        return str(self.do(lambda tx: products.create(tx, made, actor=ACTOR)).id)

    def customer(self, code: str) -> str:
        """Create a customer; its id."""
        made = NewCustomer(code=code, name=f"Customer {code}")
        return str(self.do(lambda tx: customers.create(tx, made, actor=ACTOR)).id)

    def adjust(
        self,
        sku: str,
        quantity: int,
        *,
        share: Any = "keep",
        peers: Sequence[Life] = (),
        policy: Policy = "escrow",
    ) -> str:
        """Receive or remove units."""
        wanted = Adjustment(sku=sku, quantity=quantity, reason="a delivery", share=share)
        return self.do(
            lambda tx: stock_commands.adjust_stock(
                tx, wanted, actor=ACTOR, policy=policy, reserved={}, peers=peers
            )
        )

    def place(
        self,
        customer: str,
        *lines: tuple[str, int],
        key: str | None = None,
        request_hash: str = "hash",
        policy: Policy = "escrow",
        actor: Actor = ACTOR,
    ) -> str:
        """Place an order; its id."""
        order = PlaceOrder(customer=customer, lines=lines)
        return self.do(
            lambda tx: order_commands.place_order(
                tx, order, actor=actor, key=key, request_hash=request_hash, policy=policy, reserved={}
            )
        ).order_id

    def cancel(self, order_id: str) -> None:
        self.do(lambda tx: order_commands.cancel_order(tx, order_id, actor=ACTOR))

    def product_id(self, sku: str) -> str:
        found = products.find(self.connection, sku)
        assert found is not None, f"{self.identity.name} knows no product {sku}"
        return found.id

    def rights(self, product_id: str) -> int:
        return stock.rights_of(self.life, stock_table.cells_of(self.connection, product_id))

    def totals(self, product_id: str) -> stock.Totals:
        cells = stock_table.cells_of(self.connection, product_id)
        return stock.totals(cells, life_table.dead_lives(self.connection))

    def digest(self) -> str:
        return read_digests(self.connection)[0]

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every replicated row in canonical form, read anew from the tables, by relation and key."""
        return {
            entity.relation: {
                stored.key: require_written(self.connection, stored)
                for stored in entity.every(self.connection)
            }
            for entity in replicated.entities()
        }

    def head(self) -> int:
        return outbox.head(self.connection).seq

    def event_kinds(self) -> list[str]:
        """The kinds of this epoch's events, in order."""
        rows = self.connection.execute(
            "SELECT kind FROM events WHERE epoch = ? ORDER BY seq", (self.identity.epoch,)
        )
        return [row[0] for row in rows]

    def parked(self) -> list[sqlite3.Row]:
        return self.connection.execute("SELECT * FROM parked ORDER BY origin, epoch, seq").fetchall()

    def audited(self, action: str) -> list[sqlite3.Row]:
        return self.connection.execute(
            "SELECT * FROM audit WHERE action = ? ORDER BY id", (action,)
        ).fetchall()

    def batch_for(self, peer: "Branch") -> Batch | None:
        """The next batch for a peer, as it arrives: through JSON."""
        cut = batches.next_cut(self.connection, peer=peer.life[0], peer_epoch=peer.life[1])
        return None if cut is None else Batch.read(cut.encoded())

    def receive(self, batch: Batch) -> receiver.Receipt:
        return self.do(lambda tx: receiver.receive(tx, batch))

    def acknowledge(self, peer: "Branch", position: int, *, parked: Ranges | None = ()) -> None:
        """Move a peer's cursor, as its receipt does."""
        epoch = self.identity.epoch
        self.do(lambda tx: cursors.move(tx, *peer.life, position, epoch=epoch, parked=parked))

    def send(self, peer: "Branch") -> None:
        """Deliver everything a peer lacks."""
        while (batch := self.batch_for(peer)) is not None:
            receipt = peer.receive(batch)
            self.acknowledge(peer, receipt.position.seq, parked=receipt.parked_seqs)

    def close(self) -> None:
        self.connection.close()


def over_the_wire(batch: Batch) -> Batch:
    """What the receiver makes of the bytes the sender sends."""
    return Batch.read(batch.model_dump_json().encode())


def canonical_rows(branch: Branch) -> dict[str, dict[str, bytes]]:
    """`Branch.rows` as bytes, so that 1 and 1.0 or two orders of keys are told apart as the digest does."""
    return {
        relation: {key: canonical(row) for key, row in rows.items()}
        for relation, rows in branch.rows().items()
    }


def as_json(value: Any) -> Any:
    """The value as it arrives after a journey as JSON."""
    return json.loads(json.dumps(value))


class Branches:
    """Makes branches that know nothing of each other yet, and closes them."""

    def __init__(self, schema: sqlite3.Connection) -> None:
        self._schema = schema
        self._made: list[Branch] = []

    def make(self, name: str) -> Branch:
        branch = Branch(name, schema=self._schema)
        self._made.append(branch)
        return branch

    def close(self) -> None:
        for branch in self._made:
            branch.close()

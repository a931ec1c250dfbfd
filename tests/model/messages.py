"""What branches of the model say to each other: the messages of docs/protocol.md, as far as they decide about
rights. Cells are immutable, so a message may hold the sender's own."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.domain.life import Life
from app.domain.stock import Cell
from app.domain.waiting import Age
from app.sync.rules.hello_rules import Process
from app.sync.rules.position import Position

Cells = Mapping[Life, Cell]


class Order(NamedTuple):
    """One order's units, the life that sold them, and its version: 1 is placed, 2 is cancelled."""

    life: Life
    quantity: int
    version: int


Orders = Mapping[int, Order]


class Hello(NamedTuple):
    """Who a process is and how far it is; `own_rows` are the versions of its own cells by product, `ahead`
    those that the answering side knows of the asking one's, where that is more."""

    life: Life
    process: Process
    dead: frozenset[Life]
    heads: Mapping[Life, Position]
    own_rows: Mapping[str, int]
    ahead: Mapping[str, int]


class Batch(NamedTuple):
    """A range of a life's events and the state they tell, read when the batch was sent."""

    origin: Life
    to_epoch: str
    after: Position
    through: Position
    lamport: int
    cells: Cells
    orders: Orders


class Receipt(NamedTuple):
    """How far the receiver, in its life, has a life's events."""

    by: Life
    of: Life
    position: Position


class Ask(NamedTuple):
    """A wish for rights up to a target."""

    asker: Life
    to_epoch: str
    wanted: int
    age: Age | None
    lamport: int
    cells: Cells


class Grant(NamedTuple):
    """What a giver answered: the units given now, and all it knows."""

    giver: Life
    quantity: int
    lamport: int
    cells: Cells


class Refused(Exception):
    """A message was refused. `code` is that of docs/protocol.md; `living` are the epochs of the sender's
    branch that live for all the receiver knows."""

    def __init__(self, code: str, *, living: Sequence[str] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.living = living

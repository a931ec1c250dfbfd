"""What branches of the model say to each other: the messages of docs/protocol.md, as far as they decide about
rights. Cells are immutable, so a message may hold the sender's own."""

from collections.abc import Mapping
from typing import NamedTuple

from app.life import Life
from app.state.stock import Cell
from app.state.waiting import Age

Head = tuple[int, int]
"""(seq, event id): the last event known of a life."""

ORIGIN: Head = (0, 0)
Cells = Mapping[Life, Cell]


class Order(NamedTuple):
    """One order's units, the life that sold them, and its version: 1 is placed, 2 is cancelled."""

    life: Life
    quantity: int
    version: int


Orders = Mapping[int, Order]


class Hello(NamedTuple):
    """Who a process is and how far it is; `own` is the version of its own cell, `ahead` what the answering
    side knows of the asking one's, where that is more."""

    life: Life
    incarnation: tuple[int, int]
    dead: frozenset[Life]
    heads: Mapping[Life, Head]
    own: int
    ahead: int


class Batch(NamedTuple):
    """A range of a life's events and the state they tell, read when the batch was sent."""

    origin: Life
    to_epoch: str
    after: Head
    through: Head
    lamport: int
    cells: Cells
    orders: Orders


class Receipt(NamedTuple):
    """How far the receiver, in its life, has a life's events."""

    by: Life
    of: Life
    position: Head


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
    """A message was refused; `code` is the one of docs/protocol.md."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

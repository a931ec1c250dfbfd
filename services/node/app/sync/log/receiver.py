"""The receiver: applies a peer's batch, with everything that changes and the new position, in one
transaction."""

from dataclasses import dataclass, field

from app.database import AlteredRow, Transaction
from app.domain.errors import DeadEpoch
from app.domain.life import Life
from app.domain.ranges import Ranges
from app.state.tables import life_table, stock_table
from app.sync.log import dead_letters, kept_room, positions
from app.sync.log.kept_room import Room
from app.sync.rules import inbox
from app.sync.rules.inbox import Admission
from app.sync.rules.position import Position
from app.sync.wire import kinds
from app.sync.wire.errors import Fork, Gap, WrongEpoch
from app.sync.wire.merging import UNAPPLICABLE
from app.sync.wire.messages import Batch, Head, WireEvent


@dataclass
class Receipt:
    """What a batch did. `position` is durable once this commits, and `parked` counts the batch's events that
    were parked. `parked_seqs` are all of the life's events that are parked now. `merged` is what merging
    stock rows found."""

    position: Head
    parked: int = 0
    parked_seqs: Ranges = field(default_factory=list)
    merged: stock_table.Merged = field(default_factory=stock_table.Merged)


def receive(tx: Transaction, batch: Batch, *, room: Room = kept_room.USUAL) -> Receipt:
    """Apply a batch that begins at the known position of its origin's epoch. A duplicate changes nothing.

    Raises BeyondBounds, DeadEpoch, WrongEpoch (the batch is meant for another epoch of this node), Gap (it
    names this node's position), Fork (another history under the same seq), or KeptFull (more would be kept of
    its origin than there is room for). An event that can never be
    applied is parked with its body and reason, and delays only its own entity.
    """
    life = batch.life
    known = positions.at(tx.connection, life)
    admission = inbox.admit(
        _place(batch.after),
        _place(batch.through),
        known=_place(known),
        is_over=life_table.is_over(tx, life),
        to_epoch=batch.to_epoch,
        present=tx.identity.epoch,
    )
    match admission:
        case Admission.DEAD_EPOCH:
            raise DeadEpoch(*life)
        case Admission.WRONG_EPOCH:
            raise WrongEpoch(tx.identity.epoch)
        case Admission.FORK:
            raise Fork(batch.origin, known.seq)
        case Admission.GAP:
            raise Gap(known)
        case Admission.DUPLICATE:
            return Receipt(known, parked_seqs=dead_letters.seqs_of(tx.connection, life))
        case Admission.APPLY:
            tx.require_lamport(max([batch.lamport, *(event.lamport for event in batch.events)]))
            with tx.hearing(life):
                receipt = _apply(tx, life, batch)
            if receipt.parked or receipt.merged.kept:
                kept_room.require_room(tx, batch.origin, room)
            return receipt


def _apply(tx: Transaction, life: Life, batch: Batch) -> Receipt:
    life_table.learn_life(tx, life)
    tx.advance(batch.lamport)
    receipt = Receipt(batch.through)
    parked_before = dead_letters.has_any(tx.connection)  # hardly ever: then there is nothing to look for
    if parked_before:
        dead_letters.forget_told(tx, batch)
    if not _apply_together(tx, batch, receipt, look=parked_before):
        for event in batch.events:
            _apply_or_park(tx, batch, event, receipt, look=parked_before or receipt.parked > 0)
    if parked_before or receipt.parked:
        receipt.merged.absorb(dead_letters.retry(tx, "waiting"))
        receipt.parked_seqs = dead_letters.seqs_of(tx.connection, life)
    positions.store(tx, life, batch.through)
    return receipt


def _place(head: Head) -> Position:
    return Position(head.seq, head.event_id)


def _apply_together(tx: Transaction, batch: Batch, receipt: Receipt, *, look: bool) -> bool:
    """Apply all events of a batch in a few statements. False, with nothing applied, where some event needs a
    closer look. With `look`, drop the parked events that they cover."""
    try:
        with tx.savepoint():
            merged = kinds.apply_together(tx, batch.events, origin=batch.origin)
    except (*UNAPPLICABLE, AlteredRow):
        return False
    receipt.merged.absorb(merged)
    if look:
        for event in batch.events:
            dead_letters.forget_covered(tx, batch.life, event, through=batch.through.seq)
    return True


def _apply_or_park(tx: Transaction, batch: Batch, event: WireEvent, receipt: Receipt, *, look: bool) -> None:
    """Apply an event, or park it. With `look`, drop the parked events that it covers."""
    try:
        with tx.savepoint():
            receipt.merged.absorb(kinds.apply(tx, event, origin=batch.origin))
    except UNAPPLICABLE as error:
        dead_letters.park(tx, batch, event, error)
        receipt.parked += 1
    else:
        if look:
            dead_letters.forget_covered(tx, batch.life, event, through=batch.through.seq)

"""How much is kept for one branch of what cannot be used yet: a member that lies must fill no disk."""

from dataclasses import dataclass

from app.database import Transaction, kept_totals
from app.database.kept_totals import Pool
from app.domain.bounds import MOST_KEPT_BYTES
from app.sync.wire.errors import KeptFull


@dataclass(frozen=True)
class Room:
    """So many bytes for one branch: for its `own` events that are parked, and for what it passes on, which is
    parked events that it hands over, and rows that only newer versions know."""

    own: int = MOST_KEPT_BYTES
    passed_on: int = MOST_KEPT_BYTES

    @classmethod
    def among(cls, members: int, *, own: int) -> "Room":
        """In a network of so many, each of which may have made the branch keep as much."""
        return cls(own, own * members)


USUAL = Room()


def require_room(tx: Transaction, branch: str, room: Room) -> None:
    """Raise KeptFull if more is kept for a branch than there is room for. Call it where some was added. It
    costs the same however much is kept."""
    kept = kept_totals.of_branch(tx.connection, branch)
    rooms: tuple[tuple[Pool, int], ...] = (
        ("own", room.own),
        ("handed", room.passed_on),
        ("rows", room.passed_on),
    )
    for pool, most in rooms:
        if kept.get(pool, 0) > most:
            raise KeptFull(branch, most, pool=pool, wanted=kept[pool])

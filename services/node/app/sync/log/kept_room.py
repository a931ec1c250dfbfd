"""How much is kept for one branch of what cannot be used yet: a member that lies must fill no disk."""

from dataclasses import dataclass

from app.database import Transaction
from app.domain.bounds import MOST_KEPT_BYTES
from app.sync.wire.errors import KeptFull

_PARKED = "SELECT COALESCE(SUM(LENGTH(CAST(body AS BLOB)) + LENGTH(CAST(reason AS BLOB))), 0) FROM parked"
_SENT = f"{_PARKED} WHERE origin = ? AND donor = ''"
_HANDED = f"{_PARKED} WHERE substr(donor, 1, length(?)) = ?"
_ROWS = "SELECT COALESCE(SUM(LENGTH(CAST(row AS BLOB))), 0) FROM unknown_rows WHERE origin = ?"


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
    """Raise KeptFull if more is kept for a branch than there is room for. Call it where some was added."""
    told = f"{branch}@"  # as the key of a life begins
    for query, words, most in (
        (_SENT, (branch,), room.own),
        (_HANDED, (told, told), room.passed_on),
        (_ROWS, (branch,), room.passed_on),
    ):
        if tx.connection.execute(query, words).fetchone()[0] > most:
            raise KeptFull(branch, most)

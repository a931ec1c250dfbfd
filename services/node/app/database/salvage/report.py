"""What became of the orders, or of any other rows, that a set-aside file held. Pure."""

from collections.abc import Set
from dataclasses import dataclass

from app.database.salvage.reading import Keys, Summary
from app.database.salvage.records import Value

Key = tuple[Value, ...]


@dataclass(frozen=True)
class SalvageReport:
    """Every key that the file is known to have held is in exactly one of `held`, `back` and `lost`."""

    pages: int
    damaged: int
    held: frozenset[Key]
    """The network has these anyway, whether they could be read here or not."""
    back: frozenset[Key]
    """Only this file had them, and they were read and verified."""
    lost: frozenset[Key]
    """Nobody has these: only the index names them, or rows that do not verify."""
    doubtful: frozenset[Key]
    """As `lost`, if they were of this table at all: a page that no b-tree leads to names them."""


def salvage_report(
    summary: Summary, *, keys: Keys, verified: Set[Key], altered: Set[Key], held: Set[Key]
) -> SalvageReport:
    """Sort what a file held by what became of it. `verified` and `altered` are the keys of the rows read
    whose checksum is right, and of those of which no version's is; `held` those that the network has."""
    missing = (keys.named | altered) - verified - held
    return SalvageReport(
        pages=summary.pages,
        damaged=summary.damaged,
        held=frozenset((keys.named | altered | verified) & held),
        back=frozenset(verified - held),
        lost=frozenset(missing),
        doubtful=frozenset(keys.perhaps - verified - held - missing),
    )

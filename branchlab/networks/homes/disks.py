"""Disks that a network had and has no more: that is said, and nothing is begun anew in silence."""

from collections.abc import Sequence
from pathlib import Path

from branchlab.console import note
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks.homes import record


def miss(run_dir: Path, missing: Sequence[str], *, of: int, what: str) -> None:
    """Says which nodes lost their disk since the network was last up. LabError when all of them did: nodes
    that are all empty would begin a new network under the old one's name. `what` is what a disk is here."""
    kept = record.read(run_dir)
    if not missing or kept is None or not kept.has_data:
        return
    names = ", ".join(missing)
    if len(missing) == of:
        raise LabError(
            _(
                "the data of this network are gone: there is no {what} of {names}; put them back, or run"
                " `make clean`, then `make up` to begin anew",
                what=what,
                names=names,
            )
        )
    note(
        _(
            "the {what} of {names} is gone: an empty one fetches what the others have, and what the"
            " lost one had to sell is frozen until a stock count",
            what=what,
            names=names,
        )
    )

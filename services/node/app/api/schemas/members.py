"""Members: the branches of the network."""

from typing import Literal, Self

from app.api.schemas.base import Answer, shows
from app.sync.lifecycle import member_service


class Member(Answer):
    """A branch, as this node knows it. One that is `decommissioning` does not count as gone yet: a majority
    of the members, `needed` in number, must store it. `known_by` are the other members that have."""

    model_config = shows(
        {
            "name": "filial-sul",
            "state": "decommissioned",
            "epoch": "0f8e7d6c5b4a39281706f5e4d3c2b1a0",
            "known_by": ["filial-norte"],
            "needed": 2,
        }
    )

    name: str
    state: Literal["member", "decommissioning", "decommissioned"]
    epoch: str | None
    known_by: list[str]
    needed: int

    @classmethod
    def of(cls, known: member_service.Member) -> Self:
        """What clients see of a branch."""
        return cls(
            name=known.name,
            state=known.state,
            epoch=known.epoch,
            known_by=known.known_by,
            needed=known.needed,
        )


class Roster(Answer):
    """Every branch, by name."""

    items: list[Member]

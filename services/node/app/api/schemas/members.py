"""Members: the branches of the network."""

from typing import Literal, Self

from app.api.schemas.base import Answer
from app.sync.lifecycle import member_service


class Member(Answer):
    """A branch, as this node knows it. One that is `decommissioning` is not known to be gone by any other
    member yet; `known_by` are those that are known to have stored it."""

    name: str
    state: Literal["member", "decommissioning", "decommissioned"]
    epoch: str | None
    known_by: list[str]

    @classmethod
    def of(cls, known: member_service.Member) -> Self:
        """What clients see of a branch."""
        return cls(name=known.name, state=known.state, epoch=known.epoch, known_by=known.known_by)


class Roster(Answer):
    """Every branch, by name."""

    items: list[Member]

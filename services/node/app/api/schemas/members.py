"""Members: the branches of the network."""

from typing import Literal

from app.api.schemas.base import Answer


class Member(Answer):
    """A branch, as this node knows it. One that is `decommissioning` is not known to be gone by any other
    member yet; `known_by` are those that are known to have stored it."""

    name: str
    state: Literal["member", "decommissioning", "decommissioned"]
    epoch: str | None
    known_by: list[str]


class Roster(Answer):
    """Every branch, by name."""

    items: list[Member]

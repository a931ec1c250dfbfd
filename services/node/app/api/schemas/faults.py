"""Faults made on purpose. Times are in seconds, chances between 0 and 1."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.api.schemas.base import Answer, Body, Whole
from app.faults.faulty_transport import LONGEST_LEASE_SECONDS
from app.faults.link_faults import Cut, Duplicate, Flaky, LinkFault, Reorder, Slow

_LONGEST_DELAY_SECONDS = 60.0

Delay = Annotated[float, Field(ge=0, le=_LONGEST_DELAY_SECONDS)]
LeaseSeconds = Annotated[float, Field(ge=0.1, le=LONGEST_LEASE_SECONDS)]
Seed = Annotated[int, Field(ge=0, lt=2**63), Whole]


class _Leased(Body):
    """Every fault ends after `lease_seconds`, by itself. `seed` decides what it leaves to chance; without
    one, the node draws it and shows it."""

    lease_seconds: LeaseSeconds
    seed: Seed | None = None


class CutLink(_Leased):
    """No call arrives: it fails at once, or hangs `hang_seconds` first, as far as its sender waits."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "cut", "lease_seconds": 600}]})

    kind: Literal["cut"]
    hang_seconds: Delay = 0.0

    def fault(self) -> LinkFault:
        return Cut(hang_seconds=self.hang_seconds)


class SlowLink(_Leased):
    """Each call takes `delay_seconds` ± `jitter_seconds` longer."""

    kind: Literal["slow"]
    delay_seconds: Delay
    jitter_seconds: Delay = 0.0

    def fault(self) -> LinkFault:
        return Slow(delay_seconds=self.delay_seconds, jitter_seconds=self.jitter_seconds)


class FlakyLink(_Leased):
    """The share `loss` of the calls fails: half of those never arrive, of the others the answer is lost."""

    kind: Literal["flaky"]
    loss: Annotated[float, Field(ge=0.001, le=1)]

    def fault(self) -> LinkFault:
        return Flaky(loss=self.loss)


class DuplicateLink(_Leased):
    """Each call that was answered arrives `copies` more times."""

    kind: Literal["duplicate"]
    copies: Annotated[int, Field(ge=1, le=10), Whole] = 1

    def fault(self) -> LinkFault:
        return Duplicate(copies=self.copies)


class ReorderLink(_Leased):
    """With the chance `chance` a call is held back until the next has passed, `hold_seconds` at most."""

    kind: Literal["reorder"]
    chance: Annotated[float, Field(ge=0.001, le=1)] = 0.5
    hold_seconds: Delay = 2.0

    def fault(self) -> LinkFault:
        return Reorder(chance=self.chance, hold_seconds=self.hold_seconds)


AnyLinkFault = Annotated[
    CutLink | SlowLink | FlakyLink | DuplicateLink | ReorderLink, Field(discriminator="kind")
]


class FullDisk(Body):
    """The database may grow to `max_bytes`, or to what it has if that is more; 0 is a disk full by now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"max_bytes": 0, "lease_seconds": 60}]})

    max_bytes: Annotated[int, Field(ge=0, le=2**43), Whole]
    lease_seconds: LeaseSeconds


class ActiveLinkFault(Answer):
    """A fault of the calls to `peer`; its own settings stand beside these. `calls` met it, `hits` of them it
    did not leave alone."""

    model_config = ConfigDict(extra="allow")

    peer: str
    kind: Literal["cut", "flaky", "slow", "reorder", "duplicate"]
    seed: int
    lease_seconds: float
    seconds_left: float
    calls: int
    hits: int


class ActiveFullDisk(Answer):
    """A full disk."""

    max_bytes: int
    lease_seconds: float
    seconds_left: float


class Faults(Answer):
    """This node's active faults."""

    links: list[ActiveLinkFault]
    disk: ActiveFullDisk | None


class Probed(Answer):
    """How one harmless call fared: whether the peer answered at all, after how long, else what failed."""

    answered: bool
    seconds: float
    error: str | None


class DiskProbed(Answer):
    """Whether a write that needs room was refused for want of it."""

    refused: bool

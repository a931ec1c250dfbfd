"""Pure decisions about a peer's hello: does the sender's life count, and does this node's own epoch go on?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.domain import evidence
from app.domain.life import Life
from app.sync.rules.acknowledgement import Finding


class Process(NamedTuple):
    """One run of a branch's process in one epoch. `incarnation` is its start counter and a random text. On
    one disk a later run has a higher counter."""

    epoch: str | None = None
    incarnation: tuple[int, str] = (0, "")

    def is_before(self, other: "Process") -> bool:
        """Whether the other one is a later process of the same epoch."""
        return other.epoch == self.epoch and self.incarnation < other.incarnation

    def is_after(self, other: "Process") -> bool:
        """Whether the other one is an earlier process of the same epoch.

        A hello of an earlier process may just be late. But an earlier process that answers a call made after
        the later one's hello proves that both run, on two disks.
        """
        return other.epoch == self.epoch and self.incarnation > other.incarnation


@dataclass(frozen=True)
class Accepted:
    """The sender's life counts, and this node's own epoch goes on."""


@dataclass(frozen=True)
class Behind:
    """The sender's life counts, and the peer has more of this node's epoch than this disk has. `why` is the
    evidence."""

    why: str


@dataclass(frozen=True)
class Over:
    """The sender's life is over. Its hello is refused, but the dead lives that it names are stored.

    `living` are the epochs of its branch that are not known to be dead, even now. `contested` are its other
    epochs that only this hello names dead. They prove that two processes claim the branch: an epoch's name is
    random, so only a process that ran after its start can know it.
    """

    living: Sequence[str]
    contested: Sequence[str]


@dataclass(frozen=True)
class NoMember:
    """The sender's branch is decommissioned. Its hello is refused, but the dead lives and decommissioned
    branches that it names are stored, and its own life is stored as dead."""


class Sender(NamedTuple):
    """What this node knows of a hello's sender: whether its branch is decommissioned, whether its life is
    over, and the living epochs of its branch."""

    is_decommissioned: bool
    is_over: bool
    living: Collection[str]


def ends_itself(life: Life, dead: Collection[Life]) -> bool:
    """Whether a hello names its sender's own life as dead. That counts from any process and at any time: the
    disk keeps it, so no process goes on with that life."""
    return life in dead


def judge(
    life: Life, dead: Collection[Life], *, known: Sender, me: Life, answers: bool = False
) -> Accepted | Behind | Over | NoMember:
    """Whether a hello of `life` that names `dead` lives counts, and whether it ends the life of this node
    (`me`).

    Who takes this node's life for dead refuses its hellos. So a hello that `answers` one and calls it dead
    contradicts itself, and ends nothing.
    """
    branch, epoch = life
    if known.is_decommissioned:
        return NoMember()
    if known.is_over or ends_itself(life, dead):
        living = [other for other in known.living if (branch, other) not in dead]
        contested = [other for other in known.living if other not in living and other != epoch]
        return Over(living=living, contested=contested)
    if me in dead and not answers:
        return Behind(f"{branch} names this epoch dead")
    return Accepted()


def judge_own(
    branch: str, seq: int, finding: Finding, *, end: int, newer: Sequence[str]
) -> Accepted | Behind:
    """Whether this node's epoch goes on, after a peer of `branch` reported its position `seq` in this node's
    log.

    `finding` compares that position with the log, which ends at `end`. `newer` are the products where the
    peer has newer copies of this node's own stock rows.
    """
    if finding is Finding.BEYOND:
        return Behind(f"{branch} has event {seq} of this epoch, which ends at {end}")
    if finding is Finding.OTHER:
        return Behind(f"{branch} has another event {seq} of this epoch")
    if newer:
        return Behind(evidence.newer_rows(branch, newer))
    return Accepted()


def newer_rows(said: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """The products, sorted, where the version in `said` is higher than the one in `known`. A product without
    a version has version 0."""
    newer = [product for product, version in said.items() if version > known.get(product, 0)]
    newer.sort()
    return newer


def unlike(ours: Mapping[str, object], theirs: Mapping[str, object]) -> set[Life]:
    """The lives at which two nodes' positions differ. `ours` and `theirs` are keyed "node@epoch"."""
    return {Life.parse(key) for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)}

"""What a peer's hello decides: whether its sender counts, and whether this node's own epoch goes on. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.life import Life
from app.sync.rules.acknowledgement import Finding


class Process(NamedTuple):
    """One run of a branch's process, in one epoch. On one disk a later run has a higher start counter."""

    epoch: str | None = None
    incarnation: tuple[int, str] = (0, "")

    def is_before(self, other: "Process") -> bool:
        """Whether the other one is a later process of the same epoch."""
        return other.epoch == self.epoch and self.incarnation < other.incarnation

    def is_after(self, other: "Process") -> bool:
        """Whether the other one is an earlier process of the same epoch. When it says hello, it may just be
        late. When it answers a call that was made after the later one had spoken, both live, on two disks."""
        return other.epoch == self.epoch and self.incarnation > other.incarnation


@dataclass(frozen=True)
class Accepted:
    """The sender's life counts, and this node's own goes on for all that the hello says of lives."""


@dataclass(frozen=True)
class Behind:
    """The sender's life counts, and it knows more (`why`) of this node's epoch than this disk does."""

    why: str


@dataclass(frozen=True)
class Over:
    """A hello of a life that is over. It is refused, but the deaths it names are learnt. `living` are the
    epochs of its branch that live for all that is known then. Those that lived until it named them dead are
    `contested`: two processes claim the branch, since an epoch is drawn at random, and only a process that
    lived after it began can name it."""

    living: Sequence[str]
    contested: Sequence[str]


@dataclass(frozen=True)
class Gone:
    """A hello of a decommissioned branch. It is refused, but what it names dead or gone is learnt, and that
    its own life is over."""


class Sender(NamedTuple):
    """What this node knows of a hello's sender: whether its branch is decommissioned, whether its life is
    over, and which epochs of its branch are not."""

    is_decommissioned: bool
    is_over: bool
    living: Collection[str]


def ends_itself(life: Life, dead: Collection[Life]) -> bool:
    """Whether a process says that its own life is over. That holds whoever says it and when: its disk keeps
    it, and nobody goes on with that life."""
    return life in dead


def judge(life: Life, dead: Collection[Life], *, known: Sender, me: Life) -> Accepted | Behind | Over | Gone:
    """Whether a hello of `life` that names `dead` lives counts, and whether it ends this node's own life."""
    branch, epoch = life
    if known.is_decommissioned:
        return Gone()
    if known.is_over or ends_itself(life, dead):
        living = [other for other in known.living if (branch, other) not in dead]
        contested = [other for other in known.living if other not in living and other != epoch]
        return Over(living=living, contested=contested)
    if me in dead:
        return Behind(f"{branch} names this epoch dead")
    return Accepted()


def judge_own(
    branch: str, seq: int, finding: Finding, *, end: int, newer: Sequence[str]
) -> Accepted | Behind:
    """Whether this node's epoch goes on, though a peer of that `branch` has its events up to `seq` (`finding`
    says how that goes together with the log, which ends at `end`), and `newer` rows of these products."""
    if finding is Finding.BEYOND:
        return Behind(f"{branch} has event {seq} of this epoch, which ends at {end}")
    if finding is Finding.OTHER:
        return Behind(f"{branch} has another event {seq} of this epoch")
    if newer:
        return Behind(f"{branch} has newer rows of this epoch: {', '.join(newer[:3])}")
    return Accepted()


def newer_rows(said: Mapping[str, int], known: Mapping[str, int]) -> list[str]:
    """The products of which one side's version of a life's row (`said`) is higher than the other's
    (`known`), in order."""
    newer = [product for product, version in said.items() if version > known.get(product, 0)]
    newer.sort()
    return newer

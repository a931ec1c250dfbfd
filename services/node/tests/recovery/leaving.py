"""Branches that leave for good: what a test says to a trial's nodes about them, and what they show."""

from app.domain.errors import BranchClosed
from app.sync.lifecycle.member_service import Member
from tests.recovery.trial import RICE, Trial
from tests.support.branch import ACTOR
from tests.support.virtual import eventually


async def gone_with_four(trial: Trial, *names: str) -> None:
    """Three nodes (or these); sul had five units, sold one, and is gone with its disk."""
    await trial.traded(*names, at="sul", units=5)
    await trial.stop("sul")


async def decommission(trial: Trial, name: str, *, at: str = "matriz", insist: bool = False) -> Member:
    return await trial[at].members.decommission(name, insist=insist, actor=ACTOR)


async def count(trial: Trial, missing: int, *, at: str = "matriz") -> None:
    await trial[at].counts.count(RICE, missing=missing, actor=ACTOR)


async def states(trial: Trial, *, at: str) -> dict[str, str]:
    """What a node says of every branch."""
    return {member.name: member.state for member in await trial[at].members.roster()}


async def closed(trial: Trial, name: str) -> None:
    """Wait until a node says that it was decommissioned; reads go on, sales do not."""
    await eventually(lambda: trial[name].readiness.reason == "decommissioned")
    assert not trial[name].ready
    assert trial[name].readiness.reading
    assert isinstance(await trial.refused(name), BranchClosed)

"""What a node is given in virtual time, in place of the real clock, chance, network and threads."""

from random import Random
from typing import TypedDict

from app.runtime import Executor
from app.sync.peering.transport import Transport
from tests.support.network import FakeNetwork
from tests.support.virtual import InlineExecutor, VirtualClock


class Parts(TypedDict):
    """The arguments of `BranchNode` and `create_app` besides the settings."""

    clock: VirtualClock
    random: Random
    transport: Transport
    executor: Executor
    compares_mirror: bool


def parts(
    transport: Transport | None = None,
    *,
    seed: int | str = 1,
    executor: Executor | None = None,
    clock_offset: float = 0.0,
) -> Parts:
    """Parts of one node: its messages reach nobody unless it has a `transport`, its disk takes no time unless
    it has an `executor`."""
    return Parts(
        clock=VirtualClock(offset=clock_offset),
        random=Random(seed),
        transport=transport or FakeNetwork().transport("matriz"),
        executor=executor or InlineExecutor(),
        compares_mirror=True,
    )

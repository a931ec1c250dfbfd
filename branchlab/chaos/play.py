"""Plays a schedule on nodes that can be broken."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from branchlab.chaos.schedule import Fault
from branchlab.chaos.words import said


class Breakable(Protocol):
    """Whatever can do this to nodes by name: a driver of the lab, or the Docker socket."""

    def pause(self, node: str) -> None: ...

    def resume(self, node: str) -> None: ...

    def stop(self, node: str) -> None: ...

    def start(self, node: str) -> None: ...

    def heal(self) -> None:
        """Resumes all that is paused and starts all that is stopped."""
        ...


def play(
    faults: Sequence[Fault],
    nodes: Breakable,
    *,
    tell: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Makes every fault at its time and undoes it at its end; heals all last, after errors and Ctrl-C too."""
    began = clock()

    def wait_until(moment: float) -> None:
        sleep(max(0.0, began + moment - clock()))

    try:
        for fault in faults:
            wait_until(fault.begins)
            tell(f"{fault.begins:6.1f} s  {fault}")
            (nodes.pause if fault.kind == "pause" else nodes.stop)(fault.node)
            wait_until(fault.ends)
            (nodes.resume if fault.kind == "pause" else nodes.start)(fault.node)
            tell(f"{fault.ends:6.1f} s  {said('back', node=fault.node)}")
    finally:
        nodes.heal()
    tell(said("healed", count=len(faults)))

"""A broken promise."""

from dataclasses import dataclass
from typing import Literal

Promise = Literal[
    "lost",
    "duplicated",
    "oversold",
    "rights",
    "converged",
    "monotone",
    "session",
    "authentic",
]
"""lost          every acknowledged order and cancellation is at every node, as it was promised
duplicated    an order exists once for each key
oversold      no more units are sold than came in
rights        units and rights are neither made nor lost, and no node holds less than none
converged     all nodes show the same
monotone      what a node knows only grows, as long as it has its disk
session       what a client was told at a branch, it reads there
authentic     nothing is there that no client asked for"""


Doubt = Literal["late", "others"]
"""What may explain a finding although the promise holds, where the run log does not rule it out:

late      the nodes did not agree yet when they were read: what is not there may still be on its way
others    somebody who is not in the log did it"""


@dataclass(frozen=True)
class Finding:
    """One way in which a promise did not hold, in plain words. It is certain only in a run that rules all its
    `doubts` out."""

    promise: Promise
    words: str
    doubts: tuple[Doubt, ...] = ()

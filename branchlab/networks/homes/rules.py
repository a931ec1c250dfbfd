"""Whether a folder is the home of the network that it describes: pure.

A record names the home by its path and its inode. A copy keeps the record and has neither; a folder that was
moved keeps the inode; one that was restored in its place keeps the path. Device numbers are left out: they
change when a machine starts again.
"""

from dataclasses import dataclass
from typing import Literal

Standing = Literal["own", "moved", "copied", "unclear"]
"""`own`: the network's home. `moved`: its home, at another place. `copied`: its home is elsewhere.
`unclear`: moved to another disk, or a copy of a folder that is gone; only a person can say which."""


@dataclass(frozen=True)
class Place:
    """A folder as the system tells it from others."""

    path: str
    inode: int


@dataclass(frozen=True)
class Claim:
    """A folder that describes a network: the home that its record names, and where it really is."""

    recorded: Place
    here: Place

    @property
    def settled(self) -> bool:
        """Whether its record names the folder itself."""
        return self.recorded == self.here


def judge(mine: Claim, other: Claim | None) -> Standing:
    """The standing of a folder. `other` is the folder at the recorded path, when that is another one that
    describes the same network."""
    if mine.settled:
        return "own"
    if other is not None:
        # Where the other one's record names this folder, the other one is a copy that took the old place.
        is_first = not other.settled and other.recorded.inode == mine.here.inode
        return "moved" if is_first else "copied"
    if mine.recorded.path == mine.here.path:
        return "own"
    return "moved" if mine.recorded.inode == mine.here.inode else "unclear"

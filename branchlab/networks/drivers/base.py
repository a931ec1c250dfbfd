"""The driver: the verbs that run the nodes of a network. Every driver has them all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from branchlab.language import N_
from branchlab.networks.network import Network, UpOptions

NodeState = Literal["running", "paused", "stopped", "unreachable"]
STATE_WORDS: Mapping[NodeState, str] = {
    "running": N_("running"),
    "paused": N_("paused"),
    "stopped": N_("stopped"),
    "unreachable": N_("unreachable"),
}
"""The states as texts of the catalogue; programs read the states themselves."""


class Driver(Protocol):
    """Runs the nodes of one network. All verbs are idempotent, and return when their effect is there.
    LabError explains a failure in one line."""

    @property
    def name(self) -> str: ...

    def up(self, options: UpOptions) -> Network:
        """Starts what is stopped, resumes what is paused, keeps what runs; returns when all are ready."""
        ...

    def down(self) -> None:
        """Stops every node, paused ones too, and leaves nothing running. The data stay."""
        ...

    def clean(self) -> None:
        """`down`, then removes the network's data and its description."""
        ...

    def start(self, node: str) -> None:
        """Starts a stopped node; returns when it answers, ready or not. A paused one is refused."""
        ...

    def stop(self, node: str) -> None:
        """Ends the node in an orderly way, as a shutdown of its machine would."""
        ...

    def pause(self, node: str) -> None:
        """Freezes the node: peers connect to it, then hang to their time-outs."""
        ...

    def resume(self, node: str) -> None:
        """Lets a paused node continue."""
        ...

    def kill(self, node: str) -> None:
        """Ends the node at once (SIGKILL), as a power cut would."""
        ...

    def state(self, node: str) -> NodeState:
        """The node's state as the driver sees it, without HTTP; `unreachable` when that is unknown."""
        ...

    def disks(self) -> set[str]:
        """The nodes that have a disk: a database file, or a volume."""
        ...

    def heal(self) -> None:
        """Resumes all that is paused and starts all that is stopped; returns when every node is ready. Leaves
        decommissioned nodes as they are."""
        ...

    def wipe(self, node: str) -> None:
        """Ends the node at once, as a lost disk does, removes its data, and starts it empty; returns when it
        answers, ready or not."""
        ...

    def backup(self, node: str, file: Path) -> None:
        """Copies the node's database to `file`, whole and as of one instant, whether or not the node runs."""
        ...

    def restore(self, node: str, file: Path) -> None:
        """Stops the node, puts a copy in its database's place, and starts it as another life of its disk;
        returns when it answers. An unusable copy is refused, and the node continues as before."""
        ...

    def show_salvage(self, node: str) -> str:
        """What damaged files of the node still hold, as one JSON document; whether or not the node runs."""
        ...

    def salvage(self, node: str, *, found: bool) -> str:
        """Stops the node, brings back what its damaged files hold into an empty database, as another life of
        its disk, and starts it; returns what came back, in words, when it answers. With `found` it serves
        with that alone, where no other node serves."""
        ...

    def reset_admin(self, node: str) -> str:
        """Stops the node, makes ADMIN_USERNAME an active administrator with ADMIN_PASSWORD in its database,
        and starts it; returns what was done, in words, when it answers."""
        ...

    def corrupt(self, node: str) -> None:
        """Damages the node's database while the node uses it, as a failing disk does. The node runs on, or
        stays stopped."""
        ...

    def chaos(self, *, seconds: float, seed: int) -> None:
        """Pauses and stops nodes, one at a time, by the schedule of that seed; returns when the time is over
        and all is healed. Ctrl-C heals too."""
        ...

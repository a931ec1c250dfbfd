"""Which program the nodes of a network are: the lab's own, the report's plain one, or one in your folder."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from branchlab import settings
from branchlab.errors import LabError
from branchlab.language import N_, _
from branchlab.networks.network import LAB, Network, NodeAddress

PLAIN = "plain"
PLAIN_DIR = settings.ROOT / "services" / "plain"
RUN_FILE = "run"
DOCKERFILE = "Dockerfile"

Ability = Literal["links", "disk", "log", "rights", "members"]
"""What the lab's own node can do beyond the contract:

links    break its own calls to a peer
disk     copy, restore, damage and salvage its database, and be full
log      number its events in epochs, and list those that it could not apply
rights   share units between branches, and count the shelf
members  let a branch leave for good"""

_LACKS: Mapping[Ability, str] = {
    "links": N_("faults of links inside the node; stop, pause, kill and wipe work"),
    "disk": N_("copies, restores and faults of disks; wipe works"),
    "log": N_("a log of events with epochs"),
    "rights": N_("rights of branches and stock counts"),
    "members": N_("members that may leave"),
}


@dataclass(frozen=True)
class Program:
    """How a node of one implementation is run as a process: where, by which command, and by which code."""

    folder: Path
    command: Callable[[NodeAddress], list[str]]
    code: tuple[str, ...] = ()  # parts of the folder that hold Python code; none where nobody can tell


def parse(word: str | None) -> str | None:
    """The implementation of that name: lab, plain, or the path of a folder. None for None.

    LabError for a folder with neither a `run` file that may be executed nor a Dockerfile."""
    if word in (None, LAB, PLAIN):
        return word
    folder = Path(word or "").expanduser().resolve()
    if not folder.is_dir():
        raise LabError(
            _(
                "there is no node '{word}'; it is {lab}, {plain}, or a folder with a node of your own",
                word=word,
                lab=LAB,
                plain=PLAIN,
            )
        )
    if not has_run(folder) and not (folder / DOCKERFILE).is_file():
        raise LabError(
            _(
                "{folder} has neither a {run_file} that may be executed nor a {dockerfile}",
                folder=folder,
                run_file=RUN_FILE,
                dockerfile=DOCKERFILE,
            )
        )
    return str(folder)


def has_run(folder: Path) -> bool:
    """Whether the folder has a `run` that this user may execute."""
    return (folder / RUN_FILE).is_file() and os.access(folder / RUN_FILE, os.X_OK)


def driver_for(implementation: str | None, wanted: str) -> str:
    """The driver to ask for: `auto` becomes the one driver that can run a folder, where the other cannot.
    LabError where the driver that is wanted cannot run it."""
    if implementation in (None, LAB, PLAIN):
        return wanted
    folder = Path(implementation or "")
    able = {"process": has_run(folder), "compose": (folder / DOCKERFILE).is_file()}
    if wanted == "auto":
        return wanted if all(able.values()) else next(name for name, is_able in able.items() if is_able)
    if not able.get(wanted, True):
        needed = RUN_FILE if wanted == "process" else DOCKERFILE
        raise LabError(
            _(
                "the {wanted} driver needs a {needed} in {folder}; say another DRIVER, or add it",
                wanted=wanted,
                needed=needed,
                folder=folder,
            )
        )
    return wanted


def program_of(implementation: str) -> Program:
    """How the process driver runs a node of that implementation."""
    if implementation == LAB:
        return Program(settings.NODE_DIR, lambda node: _python("app.serve", node), ("app", "migrations"))
    if implementation == PLAIN:
        return Program(PLAIN_DIR, lambda node: _python("plain.main", node), ("plain",))
    folder = Path(implementation)
    return Program(folder, lambda node: [str(folder / RUN_FILE), *_where(node)])


def spoken(implementation: str) -> str:
    """The implementation as people call it: a folder by its last name."""
    return implementation if implementation in (LAB, PLAIN) else Path(implementation).name


def require(network: Network, ability: Ability, what: str) -> None:
    """LabError, in one line of the terminal's language, where the network's nodes lack what `what` needs."""
    if network.implementation != LAB:
        raise LabError(
            _(
                "{what}: the nodes of this network are {name}, which has no {lacks}",
                what=what,
                name=spoken(network.implementation),
                lacks=_(_LACKS[ability]),
            )
        )


def only_for_lab(scenario: str, implementation: str) -> str:
    """One line, in the terminal's language, for a scenario that other nodes cannot play."""
    return _(
        "{scenario} needs what only the lab's own node has, and these are {name}; `./lab run --list` marks"
        " with * those that any node plays",
        scenario=scenario,
        name=spoken(implementation),
    )


def _python(module: str, node: NodeAddress) -> list[str]:
    return [sys.executable, "-m", module, *_where(node)]


def _where(node: NodeAddress) -> list[str]:
    return ["--host", "127.0.0.1", "--port", str(node.port)]

"""The one line that a verb ends with when somebody interrupts it: what was interrupted, what still runs, what
to do, and where the log is."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from branchlab import interruption
from branchlab.console import progress
from branchlab.errors import LabError
from branchlab.interruption import Heed
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.drivers import STATE_WORDS, NodeState, get_driver
from branchlab.steps import Tell

PROOFS = ("simulate", "model", "teeth")
"""Verbs that need no network. What they started ends with them."""

_PLAYS = ("torture", "run")  # on networks of their own
_STARTS = ("up", "heal")
_MADE = (
    "up",
    "down",
    "clean",
    "status",
    "watch",
    "heal",
    "chaos",
    "demo",
    "load",
    "replay",
    "torture",
    *PROOFS,
)


@dataclass(frozen=True)
class Ended:
    """What is known of a verb when it was interrupted.

    `states` are those of the nodes of the network that it worked on, which is its `own` when it was made for
    it alone, in `place`. `given_up` says that its cleaning was ended, too; `trouble` is why it failed. `log`
    is the log of its run, `node_logs` where nodes write theirs.
    """

    verb: str
    states: Mapping[str, NodeState] = field(default_factory=dict)
    own: bool = False
    place: Path | None = None
    given_up: bool = False
    trouble: str = ""
    log: Path | None = None
    node_logs: str = ""


def ending(ended: Ended) -> str:
    """The line, in the language spoken."""
    head = _("interrupted: {verb}", verb=ended.verb)
    if ended.trouble:
        head += _(" (not cleaned up: {why})", why=ended.trouble)
    elif ended.given_up:
        head += _(" (not cleaned up)")
    parts = [head, *_what_runs(ended), _what_to_do(ended)]
    if ended.log is not None:
        parts.append(_("its log, without a verdict: {path}", path=ended.log))
    elif ended.node_logs:
        parts.append(_("logs: {path}", path=ended.node_logs))
    return "; ".join(parts)


def _what_runs(ended: Ended) -> Sequence[str]:
    running = [name for name, state in ended.states.items() if state == "running"]
    others = [f"{name} {_(STATE_WORDS[state])}" for name, state in ended.states.items() if state != "running"]
    if _nothing_is_left(ended):
        return [_("nothing of it runs any more")] if ended.own or ended.verb in PROOFS else []
    if not others:
        return [_("all {many} nodes run", many=len(running))]
    if all(state == "stopped" for state in ended.states.values()):
        return [_("no node runs")]
    return [
        _(
            "{few} of {many} nodes run ({others})",
            few=len(running),
            many=len(ended.states),
            others=", ".join(others),
        )
    ]


def _what_to_do(ended: Ended) -> str:
    program = "make" if ended.verb in _MADE else "./lab"
    if _nothing_is_left(ended):
        return _("`{command}` begins again", command=f"{program} {ended.verb}")
    if ended.own:
        return _("`./lab down --run-dir {place}` ends them", place=ended.place)
    if ended.verb in _STARTS or ended.verb in ("down", "clean"):
        return _("`{command}` goes on", command=f"make {ended.verb}")
    if all(state == "stopped" for state in ended.states.values()):
        return _("`make up` starts them")
    if any(state != "running" for state in ended.states.values()):
        return _("`make heal` brings back the others")
    return _("`make down` ends them")


def _nothing_is_left(ended: Ended) -> bool:
    """Whether there is no network that anything could be left of."""
    return not ended.states or (ended.own and all(state == "stopped" for state in ended.states.values()))


def until_interrupted(tell: Tell) -> Tell:
    """Tells of the progress until somebody interrupts it: the line that the verb ends with says the rest."""

    def told(line: str) -> None:
        heed = interruption.current()
        if heed is None or not heed.came:
            tell(line)

    return told


def say_cleaning() -> None:
    """Says on a terminal, after Ctrl-C, that the end takes a little, and how not to wait for it."""
    heed = interruption.current()
    if heed is not None and heed.came and progress.is_terminal:
        progress.print(
            "\n" + _("cleaning up… (Ctrl-C again leaves all as it is)"),
            style="dim",
            markup=False,
            highlight=False,
        )


def ending_of(
    verb: str, given: Mapping[str, Any], heed: Heed, *, given_up: bool = False, trouble: str = ""
) -> str:
    """The line for a verb that was given these options, after a look at the network that it worked on."""
    run_dir, env_file = _where(verb, given, heed)
    states, node_logs = _states(run_dir, env_file)
    ended = Ended(
        verb=_name(verb, given),
        states=states,
        own=heed.place is not None,
        place=None if run_dir is None else _shown(run_dir),
        given_up=given_up,
        trouble=trouble,
        log=None if heed.log is None else _shown(heed.log),
        node_logs=node_logs if verb in _STARTS else "",
    )
    return ending(ended)


def _name(verb: str, given: Mapping[str, Any]) -> str:
    """As a person would type it again: a scenario's name is part of it."""
    return f"{verb} {given['name']}" if verb == "run" and given.get("name") else verb


def _where(verb: str, given: Mapping[str, Any], heed: Heed) -> tuple[Path | None, Path | None]:
    if heed.place is not None:
        return heed.place / "network", heed.place / "env"
    if verb in _PLAYS and not given.get("here"):
        return None, None
    return given.get("run_dir"), given.get("env_file")


def _states(run_dir: Path | None, env_file: Path | None) -> tuple[Mapping[str, NodeState], str]:
    """The states of the members of the network kept there, and where its nodes write their logs."""
    if run_dir is None or env_file is None:
        return {}, ""
    with suppress(LabError, OSError):
        current = network.find(run_dir)
        if current is not None:
            driver = get_driver(current.driver, run_dir, env_file=env_file)
            logs = run_dir / ("*/node.log" if current.driver == "process" else "compose.log")
            return {node.name: driver.state(node.name) for node in current.members}, str(_shown(logs))
    return {}, ""


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

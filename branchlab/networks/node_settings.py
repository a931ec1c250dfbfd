"""The node settings that `./lab up` is asked for: by their names, or by what they are good for."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.drivers import NodeState

RIGHTS: Mapping[str, Mapping[str, str]] = {
    "moving": {"REBALANCE_SECONDS": "5", "TRANSFER_WAIT_SECONDS": "0.5"},
    # An order waits long enough for the rights it needs on a slow machine too.
    "still": {"REBALANCE_SECONDS": "0", "TRANSFER_WAIT_SECONDS": "5"},
}
"""How rights move. `moving`: by themselves, toward the branch that sells. `still`: only where an order needs
them, so that the same commands give the same numbers each time."""


def asked_for(pairs: Sequence[str], *, faults: bool | None, rights: str | None) -> dict[str, str]:
    """The settings behind `--set NAME=VALUE`, `--faults` and `--rights`. LabError for what is none."""
    if rights is not None and rights not in RIGHTS:
        raise LabError(_("rights are {names}, not '{rights}'", names=_(" or ").join(RIGHTS), rights=rights))
    chosen = {network.FAULTS: str(int(faults))} if faults is not None else {}
    return {**chosen, **(RIGHTS[rights] if rights is not None else {}), **dict(map(_parse, pairs))}


def beside_those_of(
    run_dir: Path, asked: Mapping[str, str], *, state_of: Callable[[str], NodeState]
) -> dict[str, str]:
    """What is asked for, beside the settings that the network in `run_dir` has; empty where nothing is asked.

    LabError when its nodes run with other ones: a node reads its settings when it starts.
    """
    existing = network.find(run_dir)
    if existing is None or not asked:
        return dict(asked)
    others = [f"{name}={value}" for name, value in asked.items() if existing.settings.get(name) != value]
    if others and any(state_of(name) != "stopped" for name in existing.names):
        raise LabError(
            _("the nodes run without {others}; run `make down`, then this again", others=" ".join(others))
        )
    return {**existing.settings, **asked}


def _parse(pair: str) -> tuple[str, str]:
    name, separator, value = pair.partition("=")
    if not separator or not name:
        raise LabError(_("--set wants NAME=VALUE, not '{pair}'", pair=pair))
    return name, value

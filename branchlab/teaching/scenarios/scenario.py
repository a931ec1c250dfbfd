"""What a scenario is: how it is played, what it needs, and on which networks it is refused."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import implementation as implementations
from branchlab.networks.network import LAB, Network, Policy
from branchlab.teaching.scenarios.stage import Stage


@dataclass(frozen=True)
class Scenario:
    """A situation and what must come of it.

    `rounds` and `seconds` are the defaults of the options; with `fresh_rounds` each round has a network of
    its own. `settings` are the node settings the scenario needs; `nodes` is the least number of nodes, with
    `exactly` the only one. It is played once under each of its `policies`. One for `any_node` asks nothing of
    the nodes beyond docs/node-contract.md; with `over_wire` they send to each other through the lab.
    """

    name: str
    group: str
    title: str
    play: Callable[[Stage], Awaitable[None]]
    nodes: int = 3
    exactly: bool = False
    rounds: int = 1
    seconds: float = 0.0
    fresh_rounds: bool = False
    needs_own_network: bool = False
    any_node: bool = False
    over_wire: bool = False
    policies: tuple[Policy, ...] = ("escrow",)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def breaks_links(self) -> bool:
        """Whether it needs nodes that take faults of their links."""
        return self.settings.get("LAB_FAULTS") == "1"

    def refuse_implementation(self, implementation: str) -> None:
        """LabError when the scenario needs what only the lab's own nodes have."""
        if implementation != LAB and not self.any_node:
            raise LabError(implementations.only_for_lab(self.name, implementation))

    def policies_for(self, wanted: Policy | None) -> tuple[Policy, ...]:
        """The policies to play under. LabError for one that the scenario is not about."""
        if wanted is not None and wanted not in self.policies:
            raise LabError(
                _(
                    "{name} is played under {policies} only",
                    name=self.name,
                    policies=_(" and ").join(self.policies),
                )
            )
        return self.policies if wanted is None else (wanted,)

    def refuse_network(self, network: Network) -> None:
        """LabError when the scenario cannot be played on a network that runs already."""
        self.refuse_implementation(network.implementation)
        if self.needs_own_network:
            raise LabError(_("{name} needs a network of its own; run it without --here", name=self.name))
        if self.exactly and len(network.nodes) != self.nodes:
            raise LabError(
                _(
                    "{name} needs exactly {nodes} nodes, this network has {count}",
                    name=self.name,
                    nodes=self.nodes,
                    count=len(network.nodes),
                )
            )
        if len(network.nodes) < self.nodes:
            raise LabError(
                _(
                    "{name} needs {nodes} nodes, this network has {count}",
                    name=self.name,
                    nodes=self.nodes,
                    count=len(network.nodes),
                )
            )

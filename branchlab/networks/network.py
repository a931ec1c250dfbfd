"""The nodes of a network, their addresses, and its stock policy."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

from branchlab import private
from branchlab.errors import LabError
from branchlab.language import _

Policy = Literal["escrow", "optimistic"]

NODE_NAMES = (
    "matriz",
    "filial-norte",
    "filial-sul",
    "filial-leste",
    "filial-oeste",
    "filial-centro",
    "filial-serra",
    "filial-litoral",
    "filial-vale",
)
FEWEST_NODES = 2
MOST_NODES = len(NODE_NAMES)
DEFAULT_NODES = 3
DEFAULT_BASE_PORT = 18001
FILE = "network.json"
LAB = "lab"  # the implementation that this lab is about
FAULTS = "LAB_FAULTS"
_LAB_SETTINGS = {FAULTS: "1"}  # a network of the lab is there to be broken; compose.yaml by itself is not


@dataclass(frozen=True)
class NodeAddress:
    """One node as the lab reaches it; `url` has no trailing slash."""

    name: str
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@dataclass(frozen=True)
class Network:
    """The nodes of one network. `settings` go to every node, `node_settings` to the named one on top:
    both are node settings by their environment names, without the secrets. A node takes faults unless its
    settings turn them off. The `decommissioned` nodes are
    members no more: they are neither started nor waited for. `founding` tells this network from others that
    had its secrets before, or have them elsewhere; a backup knows which one it is of. `implementation` is the
    program that the nodes are: lab, plain, or the path of a folder."""

    driver: str
    nodes: tuple[NodeAddress, ...]
    policy: Policy
    settings: Mapping[str, str] = field(default_factory=dict)
    node_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    decommissioned: tuple[str, ...] = ()
    founding: str = ""
    implementation: str = LAB

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.nodes)

    @property
    def members(self) -> tuple[NodeAddress, ...]:
        """The nodes that are not decommissioned, in the network's order."""
        return tuple(node for node in self.nodes if node.name not in self.decommissioned)

    def node(self, name: str) -> NodeAddress:
        """The node of that name; LabError lists the names there are."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise LabError(
            _("there is no node '{name}'; the nodes are {names}", name=name, names=", ".join(self.names))
        )

    def url(self, name: str) -> str:
        """Where that node answers; LabError lists the names there are."""
        return self.node(name).url

    def peers(self, name: str) -> tuple[NodeAddress, ...]:
        """All nodes but that one, in the network's order."""
        own = self.node(name)
        return tuple(node for node in self.nodes if node != own)


@dataclass(frozen=True)
class UpOptions:
    """What `up` is asked for. None or empty keeps what the network has; a fresh one takes the defaults."""

    nodes: int | None = None
    policy: Policy | None = None
    ports: tuple[int, ...] | None = None  # one per node, in the order of the names
    settings: Mapping[str, str] = field(default_factory=dict)
    node_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    implementation: str | None = None


def parse_policy(word: str | None) -> Policy | None:
    """The policy of that name, None for none; LabError lists the policies."""
    for policy in get_args(Policy):
        if word == policy:
            return cast(Policy, policy)
    if word is None:
        return None
    raise LabError(
        _(
            "there is no stock policy '{word}'; the policies are {policies}",
            word=word,
            policies=", ".join(get_args(Policy)),
        )
    )


def ports_from(base_port: int) -> tuple[int, ...]:
    """The block of ports a network may use, one for each possible node."""
    return tuple(range(base_port, base_port + MOST_NODES))


def plan(existing: Network | None, options: UpOptions, *, driver: str) -> Network:
    """The network that `options` ask for.

    What the data depend on (driver, number of nodes, policy, program) never changes under a network that
    exists: LabError says how to start over.
    """
    if options.nodes is not None and not FEWEST_NODES <= options.nodes <= MOST_NODES:
        raise LabError(
            _(
                "a network has {fewest_nodes} to {most_nodes} nodes, not {nodes}",
                fewest_nodes=FEWEST_NODES,
                most_nodes=MOST_NODES,
                nodes=options.nodes,
            )
        )
    if options.policy is not None and options.policy not in get_args(Policy):
        raise LabError(
            _(
                "there is no stock policy '{policy}'; the policies are {policies}",
                policy=options.policy,
                policies=", ".join(get_args(Policy)),
            )
        )
    if existing is None:
        count, policy = options.nodes or DEFAULT_NODES, options.policy or "escrow"
        implementation = options.implementation or LAB
        ports = options.ports or ports_from(DEFAULT_BASE_PORT)
    else:
        count, policy, implementation = len(existing.nodes), existing.policy, existing.implementation
        ports = options.ports or tuple(node.port for node in existing.nodes)
        _refuse_changes(existing, options, driver=driver)
    if options.policy == "optimistic" and implementation != LAB:
        raise LabError(_("only the lab's own node has a choice of stock policy; leave the policy out"))
    if len(ports) < count:
        raise LabError(_("{count} nodes need {count} ports, not {given}", count=count, given=len(ports)))
    return Network(
        driver=driver,
        nodes=tuple(
            NodeAddress(name=name, url=f"http://127.0.0.1:{port}")
            for name, port in zip(NODE_NAMES[:count], ports, strict=False)
        ),
        policy=policy,
        settings={**_LAB_SETTINGS, **(options.settings or (existing.settings if existing else {}))},
        node_settings=options.node_settings or (existing.node_settings if existing else {}),
        decommissioned=existing.decommissioned if existing else (),
        founding=(existing.founding if existing else "") or str(uuid.uuid4()),
        implementation=implementation,
    )


def _refuse_changes(existing: Network, options: UpOptions, *, driver: str) -> None:
    refuse_another(existing, options.implementation)
    kept = (len(existing.nodes), existing.policy, existing.driver)
    wanted = (options.nodes or kept[0], options.policy or kept[1], driver)
    if wanted != kept:
        raise LabError(
            _("this network stays at {} nodes, policy {}, driver {};").format(*kept)
            + _(" for {} nodes, policy {}, driver {} run `make down clean` first").format(*wanted)
        )


def refuse_another(existing: Network, implementation: str | None) -> None:
    """LabError where the network's nodes are another program than is asked for."""
    if implementation not in (None, existing.implementation):
        raise LabError(
            _(
                "the nodes of this network are {implementation}; for {wanted} run `make down clean` first",
                implementation=existing.implementation,
                wanted=implementation,
            )
        )


def find(run_dir: Path) -> Network | None:
    """The network kept in `run_dir`, or None where none was ever started."""
    try:
        return from_json(json.loads((run_dir / FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise LabError(
            _(
                "{run_dir} is not readable ({error}); run `make down clean`, then `make up`",
                run_dir=run_dir / FILE,
                error=error,
            )
        ) from None


def from_json(stored: Mapping[str, Any]) -> Network:
    """The network as `save` writes it. Raises ValueError, TypeError or KeyError for anything else."""
    nodes = tuple(NodeAddress(**node) for node in stored["nodes"])
    gone = tuple(stored.get("decommissioned", ()))
    return Network(**{**stored, "nodes": nodes, "decommissioned": gone})


def load(run_dir: Path) -> Network:
    """The network kept in `run_dir`; LabError says to start one where there is none."""
    network = find(run_dir)
    if network is None:
        raise LabError(_("there is no network yet; start one with `make up`"))
    return network


def save(network: Network, run_dir: Path) -> None:
    """Keeps the network in `run_dir` for the next command."""
    private.make_folder(run_dir)
    text = json.dumps(asdict(network), indent=2, ensure_ascii=False)
    private.write_text(run_dir / FILE, text + "\n")

"""The Compose files of one network: those of the repository, or files made from them for other nodes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from branchlab import settings
from branchlab.networks.drivers import images
from branchlab.networks.drivers.docker import CHAOS_SERVICE
from branchlab.networks.implementation import DOCKERFILE, PLAIN, PLAIN_DIR
from branchlab.networks.network import DEFAULT_NODES, FAULTS, LAB, NODE_NAMES, Network

COMPOSE_FILE = settings.ROOT / "compose.yaml"
CHAOS_FILE = settings.ROOT / "compose.chaos.yaml"
_INNER_PORT = 8000
_DATABASE = "/data/node.db"  # on the volume
_HEADER = "# Made by `./lab up` from {source}; the next `./lab up` writes it again.\n"

Service = dict[str, Any]


class _PlainDumper(yaml.SafeDumper):
    """Writes what nodes share in full at each of them: people read these files too."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def node_file(network: Network, run_dir: Path) -> Path:
    """The file that describes the network's nodes; written when compose.yaml itself does not fit."""
    plain = network.settings in ({}, {FAULTS: "0"}) and not network.node_settings
    if network.names == NODE_NAMES[:DEFAULT_NODES] and plain and network.implementation == LAB:
        return COMPOSE_FILE
    services: Mapping[str, Service] = _load(COMPOSE_FILE)["services"]
    pattern = services[NODE_NAMES[0]]
    pattern["build"]["context"] = str(settings.ROOT / pattern["build"]["context"])
    _become(pattern, network.implementation)
    made = {name: _node_service(pattern, network, name) for name in network.names}
    volumes: dict[str, None] = dict.fromkeys(network.names)
    return _write(
        _place(run_dir, "compose.nodes.yaml"), {"services": made, "volumes": volumes}, source=COMPOSE_FILE
    )


def chaos_file(network: Network, run_dir: Path) -> Path:
    """The file that adds chaos to those nodes."""
    if network.names == NODE_NAMES[:DEFAULT_NODES]:
        return CHAOS_FILE
    services: Mapping[str, Service] = _load(CHAOS_FILE)["services"]
    chaos = services[CHAOS_SERVICE]
    chaos["build"]["context"] = str(settings.ROOT / chaos["build"]["context"])
    made = dict.fromkeys(network.names, services[NODE_NAMES[0]])
    return _write(
        _place(run_dir, "compose.chaos.yaml"), {"services": {**made, CHAOS_SERVICE: chaos}}, source=CHAOS_FILE
    )


def port_variables(network: Network) -> dict[str, str]:
    """MATRIZ_PORT and its like, as compose.yaml reads them."""
    return {f"{node.name.upper().replace('-', '_')}_PORT": str(node.port) for node in network.nodes}


def remove_made(run_dir: Path) -> None:
    """Removes what the functions above wrote for this network."""
    for name in ("compose.nodes.yaml", "compose.chaos.yaml"):
        _place(run_dir, name).unlink(missing_ok=True)


def _become(pattern: Service, implementation: str) -> None:
    """Makes a pattern of the lab's own node into one of another program's."""
    if implementation == LAB:
        return
    pattern["image"] = pattern["image"].replace(images.NODE_IMAGE, images.name_of(implementation))
    pattern["environment"] |= {"HOST": "0.0.0.0", "PORT": str(_INNER_PORT), "DATABASE_PATH": _DATABASE}
    if implementation == PLAIN:
        # Its packages are the lab's node's.
        pattern["build"] |= {"context": str(PLAIN_DIR.parent), "dockerfile": f"{PLAIN_DIR.name}/{DOCKERFILE}"}
    else:
        pattern["build"]["context"] = implementation
        del pattern["healthcheck"]  # which asks with Python, and an image need not have that


def _node_service(pattern: Service, network: Network, name: str) -> Service:
    own = {**network.settings, **network.node_settings.get(name, {})}
    peers = ",".join(f"{peer.name}=http://{peer.name}:{_INNER_PORT}" for peer in network.peers(name))
    environment = {
        **pattern["environment"],
        "NODE_NAME": name,
        "PEERS": peers,
        **{key: value.replace("$", "$$") for key, value in own.items()},  # Compose would fill a $ in
    }
    return {
        **pattern,
        "environment": environment,
        "ports": [f"127.0.0.1:{network.node(name).port}:{_INNER_PORT}"],
        "volumes": [f"{name}:/data"],
    }


def _place(run_dir: Path, name: str) -> Path:
    """Beside the data of the network; for the usual one in build/, where a person looks for it."""
    return (run_dir.parent if run_dir == settings.DEFAULT_RUN_DIR else run_dir) / name


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Mapping[str, Any], *, source: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.dump(dict(content), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True)
    path.write_text(_HEADER.format(source=source.name) + text, encoding="utf-8")
    return path

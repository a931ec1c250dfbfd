"""The verbs that start, stop and watch a network, and those that break one node of it."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from lab import settings
from lab.console import out, progress, show_json, working
from lab.errors import LabError
from lab.networks import base_image, network, ports
from lab.networks.doctor import examine
from lab.networks.drivers import Driver, choose, get_driver
from lab.networks.network import Network, UpOptions
from lab.networks.status import NetworkReading, StatusReader
from lab.networks.tables import network_view
from lab.networks.watch import watch as run_watch
from lab.options import ENV_FILE, RUN_DIR, AsJson, EnvFile, Node, RunDir

_FAULTS = "LAB_FAULTS"


def up(
    *,
    driver: Annotated[str, typer.Option(help="compose, process or auto.")] = "auto",
    nodes: Annotated[int | None, typer.Option(help="How many branches, 2 to 9; 3 at first.")] = None,
    policy: Annotated[str | None, typer.Option(help="escrow (never oversells) or optimistic.")] = None,
    base_port: Annotated[int | None, typer.Option(envvar="BASE_PORT", help="The first node's port.")] = None,
    auto_ports: Annotated[bool, typer.Option("--auto-ports", help="Take any free ports.")] = False,
    faults: Annotated[bool, typer.Option("--faults", help="Let links and disks be broken.")] = False,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting for every node.")
    ] = None,
    as_json: AsJson = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Start the network, or what is stopped or paused of it, and wait until every node is ready."""
    choice = choose(driver, run_dir)
    wanted = _parse_settings(setting or [])
    options = UpOptions(
        nodes=nodes,
        policy=network.parse_policy(policy),
        ports=_wanted_ports(base_port, auto_ports=auto_ports),
        settings=_with_faults(wanted, run_dir, env_file) if faults else wanted,
    )
    with working(f"starting the nodes (driver {choice.name})…") as tell:
        started = get_driver(choice.name, run_dir, env_file=env_file, tell=tell).up(options)
    if as_json:
        show_json({"driver": started.driver, "policy": started.policy, "nodes": _urls(started)})
        return
    out.print(f"driver {choice.name} ({choice.reason}), policy {started.policy}; every node is ready")
    for node in started.nodes:
        out.print(f"  {node.name:<16}{node.url}  (API: {node.url}/docs)")
    out.print(f"user admin; the password is ADMIN_PASSWORD in {_shown(env_file)}")


def make_base_image() -> None:
    """Build the image the containers rest on from Debian's packages, for where no registry answers."""
    with working("looking for what it needs…") as tell:
        base_image.build(tell)
    out.print(f"{base_image.tag()} is here")


def down(run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Stop every node and leave nothing running; data stay."""
    with progress.status("stopping the nodes…"):
        get_driver("auto", run_dir, env_file=env_file).down()
    out.print("nothing runs any more; the data stay until `make clean`")


def clean(run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Stop every node and remove the network's data."""
    with progress.status("stopping the nodes…"):
        get_driver("auto", run_dir, env_file=env_file).clean()
    out.print("nothing runs any more and the network's data are gone")


def status(as_json: AsJson = False, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Show each node's state, what is pending to whom, and whether all agree."""
    reading = asyncio.run(_read_once(run_dir, env_file))
    if as_json:
        show_json(reading.as_json())
    else:
        out.print(network_view(reading))


def watch(
    seconds: Annotated[float | None, typer.Option(help="How long; until Ctrl-C when not given.")] = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Show the network live: pending per peer, oldest age, last error, stock and digest."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_watch(run_dir, env_file, seconds))


def doctor(run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Look for what most often keeps the lab from working; exits 1 when something needs doing."""
    findings = examine(run_dir, env_file)
    for finding in findings:
        mark, advice = ("ok", "") if finding.fine else ("!!", f": {finding.advice}")
        out.print(f"{mark}  {finding.subject:<14}{finding.words}{advice}", markup=False)
    raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


def chaos(
    seconds: Annotated[float, typer.Option(min=1, help="How long; all is healed at the end.")] = 60,
    seed: Annotated[int, typer.Option(help="Decides which node is broken when, and how.")] = 1,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Pause and stop nodes, one at a time, by a seeded schedule; heals at its end."""
    with contextlib.suppress(KeyboardInterrupt):
        _current_driver(run_dir, env_file, tell=out.print).chaos(seconds=seconds, seed=seed)


def start(node: Node, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Start a stopped node."""
    _act(lambda driver: driver.start(node), node, run_dir, env_file)


def stop(node: Node, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Stop a node in an orderly way."""
    _act(lambda driver: driver.stop(node), node, run_dir, env_file)


def pause(node: Node, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Freeze a node: its peers connect, then hang."""
    _act(lambda driver: driver.pause(node), node, run_dir, env_file)


def resume(node: Node, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Let a paused node go on."""
    _act(lambda driver: driver.resume(node), node, run_dir, env_file)


def kill(node: Node, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """End a node at once (SIGKILL), as a power cut would."""
    _act(lambda driver: driver.kill(node), node, run_dir, env_file)


def _wanted_ports(base_port: int | None, *, auto_ports: bool) -> tuple[int, ...] | None:
    if auto_ports:
        return ports.find_free(network.MOST_NODES)
    return network.ports_from(base_port) if base_port is not None else None


def _with_faults(wanted: Mapping[str, str], run_dir: Path, env_file: Path) -> dict[str, str]:
    """The settings that let the nodes take faults, beside those that the network has."""
    existing = network.find(run_dir)
    if existing is None:
        return {**wanted, _FAULTS: "1"}
    driver = get_driver(existing.driver, run_dir, env_file=env_file)
    alive = any(driver.state(name) != "stopped" for name in existing.names)
    if alive and existing.settings.get(_FAULTS) != "1":
        raise LabError("the nodes run without faults; run `make down`, then `make up FAULTS=1`")
    return {**existing.settings, **wanted, _FAULTS: "1"}


def _act(verb: Callable[[Driver], None], node: str, run_dir: Path, env_file: Path) -> None:
    driver = _current_driver(run_dir, env_file)
    verb(driver)
    out.print(f"{node} is {driver.state(node)}")


def _current_driver(
    run_dir: Path, env_file: Path, *, tell: Callable[[str], None] = lambda _line: None
) -> Driver:
    return get_driver(network.load(run_dir).driver, run_dir, env_file=env_file, tell=tell)


def _parse_settings(pairs: Sequence[str]) -> dict[str, str]:
    settings_by_name = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise LabError(f"--set wants NAME=VALUE, not '{pair}'")
        settings_by_name[name] = value
    return settings_by_name


async def _read_once(run_dir: Path, env_file: Path) -> NetworkReading:
    async with _status_reader(run_dir, env_file) as reader:
        return await reader.read()


async def _watch(run_dir: Path, env_file: Path, seconds: float | None) -> None:
    async with _status_reader(run_dir, env_file) as reader:
        await run_watch(reader, out, seconds=seconds)


def _status_reader(run_dir: Path, env_file: Path) -> StatusReader:
    driver = _current_driver(run_dir, env_file)
    return StatusReader(network.load(run_dir), settings.load_or_create(env_file), state_of=driver.state)


def _urls(current: Network) -> dict[str, str]:
    return {node.name: node.url for node in current.nodes}


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

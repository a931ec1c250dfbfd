"""The verbs that start, stop and watch a network, and those that break one node of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from branchlab import interruption
from branchlab.console import note, out, show_json, working
from branchlab.errors import LabError
from branchlab.keyboard import pressed_keys
from branchlab.language import _
from branchlab.networks import base_image, control_room, implementation, network, node_settings, ports
from branchlab.networks.doctor import examine
from branchlab.networks.drivers import STATE_WORDS, Driver, choose, get_driver
from branchlab.networks.drivers.node_code import outdated
from branchlab.networks.drivers.process import moved_under_nodes
from branchlab.networks.homes import folder, leftovers, secrets_fit
from branchlab.networks.homes.folder import Belonging
from branchlab.networks.interrupted import until_interrupted
from branchlab.networks.network import Network, UpOptions
from branchlab.networks.running import undone_if_interrupted
from branchlab.networks.status import NetworkReading, StatusReader
from branchlab.networks.tables import NetworkView
from branchlab.networks.watch import Screen
from branchlab.networks.watch import watch as run_watch
from branchlab.options import ENV_FILE, RUN_DIR, AsJson, EnvFile, Node, NodeImpl, RunDir
from branchlab.steps import Lines, Tell, silent


def up(
    *,
    driver: Annotated[str, typer.Option(help="compose, process or auto.")] = "auto",
    nodes: Annotated[int | None, typer.Option(help="How many branches, 2 to 9; 3 at first.")] = None,
    policy: Annotated[str | None, typer.Option(help="escrow (never oversells) or optimistic.")] = None,
    base_port: Annotated[int | None, typer.Option(help="The first node's port.")] = None,
    auto_ports: Annotated[bool, typer.Option("--auto-ports", help="Take any free ports.")] = False,
    faults: Annotated[
        bool | None,
        typer.Option(
            "--faults/--no-faults", help="Let links and disks be broken; on at first.", show_default=False
        ),
    ] = None,
    rights: Annotated[
        str | None,
        typer.Option(help="moving (toward the branch that sells), or still (the same numbers every time)."),
    ] = None,
    node_impl: NodeImpl = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting for every node.")
    ] = None,
    ui: Annotated[bool, typer.Option("--ui", help="Leave a control room running beside it.")] = False,
    ui_port: Annotated[
        int, typer.Option(min=1, max=65535, help="The control room's port.")
    ] = control_room.DEFAULT_PORT,
    as_json: AsJson = False,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Start the network, or what is stopped or paused of it, and wait until every node is ready."""
    show_left_over()
    folder.become_own(run_dir, env_file, note)
    asked = node_settings.asked_for(setting or [], faults=faults, rights=rights)
    parsed, program = network.parse_policy(policy), implementation.parse(node_impl)
    with working(_("looking for what can run the nodes…")) as tell:
        choice = choose(implementation.driver_for(program, driver), run_dir)
        options = UpOptions(
            nodes=nodes,
            policy=parsed,
            ports=_wanted_ports(base_port, auto_ports=auto_ports),
            settings=node_settings.beside_those_of(
                run_dir, asked, state_of=get_driver(choice.name, run_dir, env_file=env_file).state
            ),
            implementation=program,
        )
        tell(_("starting the nodes (driver {name})…", name=choice.name))
        chosen = get_driver(choice.name, run_dir, env_file=env_file, tell=until_interrupted(tell))
        with undone_if_interrupted(chosen, run_dir):
            started = chosen.up(options)
    if old := outdated(run_dir, started.names, started.implementation):
        note(
            _(
                "{old} run the code from before this folder changed: run `make down`, then `make up`",
                old=", ".join(old),
            )
        )
    if as_json:
        named = {"driver": started.driver, "policy": started.policy, "nodes": _urls(started)}
        show_json({**named, "implementation": started.implementation})
        return
    is_own = started.implementation == network.LAB
    what = (
        _("policy {policy}", policy=started.policy)
        if is_own
        else _("nodes {names}", names=implementation.spoken(started.implementation))
    )
    out.print(
        _(
            "driver {name} ({reason}), {what}; every node is ready",
            name=choice.name,
            reason=choice.reason,
            what=what,
        )
    )
    for node in started.nodes:
        out.print(f"  {node.name:<16}{node.url}" + (_("  (API: {url}/docs)", url=node.url) if is_own else ""))
    out.print(_("user admin; the password is ADMIN_PASSWORD in {path}", path=_shown(env_file)))
    if ui:
        _open_room(run_dir, env_file, ui_port)


def _open_room(run_dir: Path, env_file: Path, port: int) -> None:
    """Leaves a control room running. A network is up without one, too: what prevents it is only said."""
    try:
        with working(_("opening the control room…")):
            url = control_room.start(run_dir, env_file, port=port)
    except LabError as error:
        note(str(error))
        return
    out.print(_("control room: {url}", url=url), markup=False)


def make_base_image() -> None:
    """Build the image the containers rest on from Debian's packages, for where no registry answers."""
    with working(_("looking for what it needs…")) as tell:
        base_image.build(tell)
    out.print(_("{tag} is here", tag=base_image.tag()))


def down(run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Stop every node and leave nothing running; data stay."""
    if not (found := folder.look(run_dir)).is_own:
        out.print(_left_alone(run_dir, found), markup=False)
        return
    with working(_("stopping the nodes…")):
        control_room.stop(run_dir)
        get_driver("auto", run_dir, env_file=env_file).down()
    out.print(_("nothing runs any more; the data stay until `make clean`"))


def clean(run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Stop every node and remove the network's data."""
    if not (found := folder.remove_copied(run_dir, env_file, note)).is_own:
        out.print(_left_alone(run_dir, found), markup=False)
        out.print(_("what was copied here is removed"))
        return
    with working(_("stopping the nodes…")):
        control_room.stop(run_dir)
        get_driver("auto", run_dir, env_file=env_file).clean()
    out.print(_("nothing runs any more and the network's data are gone"))


def status(as_json: AsJson = False, run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Show each node's state, what is pending to whom, what is broken, and whether all agree."""
    show_left_over()
    if moved := moved_under_nodes(run_dir):
        note(moved)
    reading = interruption.run(_read_once(run_dir, env_file))
    if as_json:
        show_json(reading.as_json())
    else:
        out.print(NetworkView(reading, network.load(run_dir)))


def watch(
    seconds: Annotated[float | None, typer.Option(help="How long; until Ctrl-C when not given.")] = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Show the network live: pending per peer, oldest age, reasons, active faults, stock and digest."""
    interruption.run(_watch(run_dir, env_file, seconds))


def doctor(run_dir: RunDir = RUN_DIR, env_file: EnvFile = ENV_FILE) -> None:
    """Look for what most often keeps the lab from working; exits 1 when something needs doing."""
    findings = examine(run_dir, env_file)
    for finding in findings:
        out.print(finding.line, markup=False)
    raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


def chaos(
    seconds: Annotated[float, typer.Option(min=1, help="How long; all is healed at the end.")] = 60,
    seed: Annotated[int, typer.Option(help="Decides which node is broken when, and how.")] = 1,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Pause and stop nodes, one at a time, by a seeded schedule; heals at its end."""
    driver = _current_driver(run_dir, env_file, tell=until_interrupted(Lines(out.print)))
    try:
        driver.chaos(seconds=seconds, seed=seed)
    except KeyboardInterrupt:  # perhaps while it healed
        driver.heal()
        raise


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


def show_left_over() -> None:
    """Names what folders left over that are gone, beside the answer."""
    for line in leftovers.lines(leftovers.find()):
        note(line)


def _left_alone(run_dir: Path, found: Belonging) -> str:
    what = _("is a copy of") if found.standing == "copied" else _("was copied or moved from")
    return _(
        "{run_dir} {what} {first}: nothing of its own runs, and that one's network is left alone",
        run_dir=run_dir,
        what=what,
        first=found.first,
    )


def _wanted_ports(base_port: int | None, *, auto_ports: bool) -> tuple[int, ...] | None:
    if auto_ports:
        return ports.find_free(network.MOST_NODES)
    return network.ports_from(base_port) if base_port is not None else None


def _act(verb: Callable[[Driver], None], node: str, run_dir: Path, env_file: Path) -> None:
    driver = _current_driver(run_dir, env_file)
    verb(driver)
    out.print(_("{node} is {state}", node=node, state=_(STATE_WORDS[driver.state(node)])))


def _current_driver(run_dir: Path, env_file: Path, *, tell: Tell = silent) -> Driver:
    return get_driver(network.load(run_dir).driver, run_dir, env_file=env_file, tell=tell)


async def _read_once(run_dir: Path, env_file: Path) -> NetworkReading:
    async with _status_reader(run_dir, env_file) as reader:
        return await reader.read()


async def _watch(run_dir: Path, env_file: Path, seconds: float | None) -> None:
    screen = Screen(network.load(run_dir))
    async with _status_reader(run_dir, env_file) as reader:
        with pressed_keys() as keys:
            await run_watch(reader, screen, out, seconds=seconds, keys=keys)


def _status_reader(run_dir: Path, env_file: Path) -> StatusReader:
    driver = _current_driver(run_dir, env_file)
    return StatusReader(network.load(run_dir), secrets_fit.read(run_dir, env_file), state_of=driver.state)


def _urls(current: Network) -> dict[str, str]:
    return {node.name: node.url for node in current.nodes}


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

"""The compose driver: every node is a container with a volume of its own, and faults are Docker's verbs."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from lab import settings
from lab.errors import LabError
from lab.networks import base_image, network, pip_settings, ports
from lab.networks.drivers import compose_command, compose_disk, compose_files, disk, images, readiness
from lab.networks.drivers.base import NodeState
from lab.networks.drivers.compose_command import ComposeCommand
from lab.networks.drivers.docker import Container, NoDaemonError, Project
from lab.networks.network import Network, NodeAddress, UpOptions

# Containers that start together on two slow cores, each with its imports, migrations and four bcrypt hashes.
_READY_SECONDS = 180.0
_STOP_SECONDS = 10  # a node gives open requests 3 s, then closes its database
_CHAOS_STOP_SECONDS = 30  # it heals what it broke
_LOG = "compose.log"
_STATES: dict[str, NodeState] = {
    "running": "running",
    "paused": "paused",
    "exited": "stopped",
    "created": "stopped",
    "dead": "stopped",
}


def project_name(run_dir: Path, env_file: Path) -> str:
    """The Compose project of the network in `run_dir`: that of `env_file`, told apart by where its data are.

    So plain `docker compose` commands in the repository act on the usual network.
    """
    name = settings.compose_project(env_file)
    if run_dir == settings.DEFAULT_RUN_DIR:
        return name
    return f"{name}-{hashlib.sha256(str(run_dir).encode()).hexdigest()[:8]}"


class ComposeDriver:
    """Runs the network kept in `run_dir` in containers; `run_dir`/compose.log holds what Compose said.

    `tell` gets a line whenever something begins that takes a while. Containers are found by their labels
    alone, so that either version of Compose can end what the other began.
    """

    name = "compose"

    def __init__(
        self,
        run_dir: Path,
        *,
        env_file: Path = settings.DEFAULT_ENV_FILE,
        tell: Callable[[str], None] = lambda _line: None,
        command: ComposeCommand | None = None,
        ready_seconds: float = _READY_SECONDS,
    ) -> None:
        self._run_dir = run_dir.resolve()
        self._env_file = env_file
        self._tell = tell
        self._command = command
        self._ready_seconds = ready_seconds

    def up(self, options: UpOptions) -> Network:
        existing = network.find(self._run_dir)
        wanted = network.plan(existing, options, driver=self.name)
        settings.load_or_create(self._env_file)
        held = {container.service for container in self._project().containers() if not container.ended}
        if existing is not None and held and existing.nodes != wanted.nodes:
            raise LabError("the ports change only while no node runs; run `make down` first")
        ports.refuse_taken(node for node in wanted.nodes if node.name not in held)
        base_image.ensure(self._tell)
        network.save(wanted, self._run_dir)
        self._undo_faults()  # before Compose, which starts no paused container
        self._tell("building the image (its first time takes a minute or two)…")
        self._compose("build", wanted.nodes[0].name)
        images.keep(self._project().name)
        self._tell("starting the containers…")
        self._compose("up", "--detach", "--no-build", "--remove-orphans")
        self._wait_ready(wanted)
        return wanted

    def down(self) -> None:
        if not self._env_file.exists():  # without it no network of its was ever made
            return
        project = self._project()
        self._undo_faults()  # one that is paused could not heed the request to stop
        containers = project.containers()
        project.act("stop", [each for each in containers if not each.ended], f"--time={_STOP_SECONDS}")
        project.act("rm", containers, "--force", "--volumes")
        project.remove_networks()

    def clean(self) -> None:
        self.down()
        if self._env_file.exists():
            self._project().remove_volumes()
            images.forget(self._project().name)
        if network.find(self._run_dir) is not None:  # never removes a directory that is not a network's
            compose_files.remove_made(self._run_dir)
            shutil.rmtree(self._run_dir)

    def start(self, node: str) -> None:
        address = self._network().node(node)
        container = self._container(node)
        if container is not None and container.state == "paused":
            raise LabError(f"{node} is paused, not stopped; resume it")
        if container is not None and not container.ended:
            return
        ports.refuse_taken([address])
        self._start([address])
        readiness.wait_answering([address], seconds=self._ready_seconds, check=self._refuse_ended)

    def stop(self, node: str) -> None:
        container = self._container(node)
        if container is None or container.ended:
            return
        if container.state == "paused":  # it could not heed the request
            self._project().act("unpause", [container])
        self._project().act("stop", [container], f"--time={_STOP_SECONDS}")

    def pause(self, node: str) -> None:
        container = self._not_stopped(node)
        if container.state != "paused":
            self._project().act("pause", [container])

    def resume(self, node: str) -> None:
        container = self._not_stopped(node)
        if container.state == "paused":
            self._project().act("unpause", [container])

    def kill(self, node: str) -> None:
        container = self._container(node)
        if container is not None and not container.ended:
            self._project().act("kill", [container])

    def state(self, node: str) -> NodeState:
        try:
            container = self._container(node)
        except NoDaemonError:
            return "unreachable"
        return "stopped" if container is None else _STATES.get(container.state, "unreachable")

    def heal(self) -> None:
        current = self._network()
        self._undo_faults()
        there = {each.service for each in self._project().containers() if not each.ended}
        self._start([node for node in current.members if node.name not in there])
        self._wait_ready(current)

    def wipe(self, node: str) -> None:
        container = self._container(node)
        if container is not None:
            self._project().act("rm", [container], "--force")
        self._project().remove_volume(node)
        self.start(node)

    def backup(self, node: str, file: Path) -> None:
        disk.save(compose_disk.beside(self._existing(node)), file)

    def restore(self, node: str, file: Path) -> None:
        disk.require_copy(file)
        self.stop(node)
        try:
            disk.restore(compose_disk.beside(self._existing(node)), file)
        finally:
            self.start(node)

    def show_salvage(self, node: str) -> str:
        return disk.show_salvage(compose_disk.beside(self._existing(node)))

    def salvage(self, node: str, *, found: bool) -> str:
        self.stop(node)
        try:
            return disk.salvage(compose_disk.beside(self._existing(node)), found=found)
        finally:
            self.start(node)

    def corrupt(self, node: str) -> None:
        compose_disk.corrupt(self._existing(node))

    def chaos(self, *, seconds: float, seed: int) -> None:
        current = self._network()
        files = (*self._files(current), compose_files.chaos_file(current, self._run_dir))
        self._tell("building the chaos image…")
        self._compose("build", compose_files.CHAOS_SERVICE, files=files)
        self._tell(f"chaos for {seconds:.0f} s, seed {seed}")
        environment = self._environment(current)
        environment |= {"CHAOS_SECONDS": str(seconds), "CHAOS_SEED": str(seed)}
        try:
            # Without the nodes' own part of the file: they stay as they are, chaos only needs them to run.
            arguments = ("run", "--rm", "-T", "--no-deps", compose_files.CHAOS_SERVICE)
            self._compose_command().run(*arguments, files=files, environment=environment)
        finally:
            self.heal()

    def _network(self) -> Network:
        return network.load(self._run_dir)

    def _project(self) -> Project:
        return Project(project_name(self._run_dir, self._env_file))

    def _container(self, node: str) -> Container | None:
        found = self._project().containers(self._network().node(node).name)
        return found[0] if found else None

    def _not_stopped(self, node: str) -> Container:
        container = self._container(node)
        if container is None or container.ended:
            raise LabError(f"{node} is stopped; start it first with `make heal`")
        return container

    def _existing(self, node: str) -> Container:
        container = self._container(node)
        if container is None:
            raise LabError(f"{node} has no container yet; run `make up` first")
        return container

    def _undo_faults(self) -> None:
        """Ends chaos, which heals what it broke, and resumes whatever is paused."""
        project = self._project()
        causes = [each for each in project.containers(compose_files.CHAOS_SERVICE) if not each.ended]
        project.act("stop", causes, f"--time={_CHAOS_STOP_SECONDS}")
        project.act("unpause", [each for each in project.containers() if each.state == "paused"])

    def _start(self, nodes: Sequence[NodeAddress]) -> None:
        """Starts the containers of these nodes, made anew where they are gone."""
        project = self._project()
        ended = [each for each in project.containers() if each.service in {node.name for node in nodes}]
        project.act("start", ended)
        gone = [node.name for node in nodes if node.name not in {each.service for each in ended}]
        if gone:
            self._compose("up", "--detach", "--no-build", "--no-deps", *gone)

    def _compose(self, *arguments: str, files: Sequence[Path] = ()) -> None:
        current = self._network()
        self._compose_command().run_logged(
            *arguments,
            files=files or self._files(current),
            environment=self._environment(current),
            log=self._run_dir / _LOG,
        )

    def _compose_command(self) -> ComposeCommand:
        if self._command is None:
            self._command = compose_command.find()
        return self._command

    def _files(self, current: Network) -> tuple[Path, ...]:
        return (compose_files.node_file(current, self._run_dir),)

    def _environment(self, current: Network) -> dict[str, str]:
        """What the Compose files fill in. It goes before `.env` and the shell."""
        return {
            **pip_settings.build_arguments(),
            **settings.load_or_create(self._env_file).environment(),
            **compose_files.port_variables(current),
            "STOCK_POLICY": current.policy,
            "COMPOSE_PROJECT_NAME": self._project().name,
        }

    def _wait_ready(self, current: Network) -> None:
        readiness.wait_ready(
            current.members, seconds=self._ready_seconds, check=self._refuse_ended, tell=self._tell
        )

    def _refuse_ended(self, node: NodeAddress) -> None:
        container = self._container(node.name)
        if container is not None and container.ended:
            said = self._project().last_words(container)
            raise LabError(
                f"{node.name} ended while starting: {said} (all of it: docker logs {container.id})"
            )

"""The compose driver: every node is a container with a volume of its own, and faults are Docker's verbs."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from branchlab import interruption, settings
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import base_image, network, ports
from branchlab.networks.drivers import (
    compose_disk,
    compose_files,
    compose_home,
    disk,
    images,
    readiness,
)
from branchlab.networks.drivers.base import NodeState
from branchlab.networks.drivers.compose_calls import ComposeCalls
from branchlab.networks.drivers.compose_command import ComposeCommand
from branchlab.networks.drivers.docker import Container, NoDaemonError, Project
from branchlab.networks.drivers.own_project import OwnProject
from branchlab.networks.homes import secrets_fit
from branchlab.networks.implementation import require
from branchlab.networks.network import Network, NodeAddress, UpOptions

# Containers that start together on two slow cores, each with its imports, migrations and four bcrypt hashes.
_READY_SECONDS = 180.0
# A look at the containers is a program of its own: at every try, they took more processor time than a node
# takes to start.
_LOOK_SECONDS = 1.0
_STOP_SECONDS = 10  # a node gives open requests 3 s, then closes its database
_STATES: dict[str, NodeState] = {
    "running": "running",
    "paused": "paused",
    "exited": "stopped",
    "created": "stopped",
    "restarting": "stopped",  # it ended by itself, and Docker waits before it starts it again
    "dead": "stopped",
}


class ComposeDriver:
    """Runs the network kept in `run_dir` in containers; `run_dir`/compose.log holds what Compose said.

    `tell` gets a line whenever something begins that takes a while. `more_files` are Compose files that every
    call takes beside the network's own. Containers are found by their labels alone, so that either version of
    Compose can end what the other began.
    """

    name = "compose"

    def __init__(
        self,
        run_dir: Path,
        *,
        env_file: Path = settings.DEFAULT_ENV_FILE,
        tell: Callable[[str], None] = lambda _line: None,
        command: ComposeCommand | None = None,
        more_files: Sequence[Path] = (),
        ready_seconds: float = _READY_SECONDS,
    ) -> None:
        self._run_dir = run_dir.resolve()
        self._env_file = env_file
        self._own = OwnProject(self._run_dir, env_file)
        self._tell = tell
        self._calls = ComposeCalls(
            self._run_dir,
            env_file=env_file,
            own=self._own,
            tell=tell,
            command=command,
            more_files=more_files,
        )
        self._ready_seconds = ready_seconds

    def up(self, options: UpOptions) -> Network:
        network.plan(network.find(self._run_dir), options, driver=self.name)  # refuses nonsense first
        secrets = secrets_fit.read_or_create(self._run_dir, self._env_file)
        existing = self._own.find_network()
        wanted = network.plan(existing, options, driver=self.name)
        self._own.require_shared(secrets)
        self._own.miss_volumes(wanted)
        held = {container.service for container in self._project().containers() if not container.ended}
        if existing is not None and held and existing.nodes != wanted.nodes:
            raise LabError(_("the ports change only while no node runs; run `make down` first"))
        ports.refuse_taken(node for node in wanted.nodes if node.name not in held)
        base_image.ensure(self._tell)
        network.save(wanted, self._run_dir)
        self._own.settle(wanted, secrets)
        self._own.undo_faults()  # before Compose, which starts no paused container
        self._tell(_("building the image (its first time takes a minute or two)…"))
        self._calls.build(wanted.nodes[0].name)
        images.keep(self._project().name, wanted.implementation)
        self._tell(_("starting the containers…"))
        self._own.remove_others(wanted)
        self._calls.up()
        self._wait_ready(wanted)
        self._own.note_volumes(wanted)
        return wanted

    def down(self) -> None:
        if not self._own.is_known:
            return
        self._own.find_network()  # refuses those of another folder
        project = self._project()
        self._own.undo_faults()  # one that is paused could not heed the request to stop
        containers = project.containers()
        project.act("stop", [each for each in containers if not each.ended], f"--time={_STOP_SECONDS}")
        project.act("rm", containers, "--force", "--volumes")
        project.remove_networks()

    def clean(self) -> None:
        self.down()
        if self._own.is_known:
            self._project().remove_volumes()
            compose_home.remove(self._project().name)
            images.forget(self._project().name)
        if network.find(self._run_dir) is not None:  # never removes a directory that is not a network's
            compose_files.remove_made(self._run_dir)
            shutil.rmtree(self._run_dir)

    def start(self, node: str) -> None:
        address = self._network().node(node)
        container = self._container(node)
        if container is not None and container.state == "paused":
            raise LabError(_("{node} is paused, not stopped; resume it", node=node))
        if container is not None and not container.ended:
            return
        self._own.require_shared(secrets_fit.read(self._run_dir, self._env_file))
        ports.refuse_taken([address])
        self._start([address])
        readiness.wait_answering(
            [address], seconds=self._ready_seconds, check=self._refuse_ended, check_every=_LOOK_SECONDS
        )

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

    def disks(self) -> set[str]:
        return set(self._project().volumes())

    def heal(self) -> None:
        current = self._network()
        self._own.require_shared(secrets_fit.read(self._run_dir, self._env_file))
        self._own.undo_faults()
        there = {each.service for each in self._project().containers() if not each.ended}
        stopped = [node for node in current.members if node.name not in there]
        ports.refuse_taken(stopped)
        self._start(stopped)
        self._wait_ready(current)

    def wipe(self, node: str) -> None:
        container = self._container(node)
        with interruption.shielded():
            if container is not None:
                self._project().act("rm", [container], "--force")
            self._project().remove_volume(node)
            self.start(node)

    def backup(self, node: str, file: Path) -> None:
        disk.save(compose_disk.beside(self._with_disk_verbs(node)), file)

    def restore(self, node: str, file: Path) -> None:
        disk.require_copy(compose_disk.beside(self._with_disk_verbs(node)), file)
        self.stop(node)
        try:
            disk.restore(compose_disk.beside(self._existing(node)), file)
        finally:
            self.start(node)

    def show_salvage(self, node: str) -> str:
        return disk.show_salvage(compose_disk.beside(self._with_disk_verbs(node)))

    def salvage(self, node: str, *, found: bool) -> str:
        self._with_disk_verbs(node)
        self.stop(node)
        try:
            return disk.salvage(compose_disk.beside(self._existing(node)), found=found)
        finally:
            self.start(node)

    def reset_admin(self, node: str) -> str:
        self._with_disk_verbs(node)
        # The file may have changed since the container was made.
        given = secrets_fit.read(self._run_dir, self._env_file).administrator()
        self.stop(node)
        try:
            return disk.reset_admin(compose_disk.beside(self._existing(node), given))
        finally:
            self.start(node)

    def corrupt(self, node: str) -> None:
        compose_disk.corrupt(self._with_disk_verbs(node))

    def chaos(self, *, seconds: float, seed: int) -> None:
        self._tell(_("building the chaos image…"))
        self._calls.build_chaos()
        self._tell(_("chaos for {seconds:.0f} s, seed {seed}", seconds=seconds, seed=seed))
        try:
            self._calls.run_chaos(seconds=seconds, seed=seed)
        finally:
            self.heal()

    def _network(self) -> Network:
        return network.load(self._run_dir)

    def _project(self) -> Project:
        return self._own.project

    def _container(self, node: str) -> Container | None:
        found = self._project().containers(self._network().node(node).name)
        return found[0] if found else None

    def _not_stopped(self, node: str) -> Container:
        container = self._container(node)
        if container is None or container.ended:
            raise LabError(_("{node} is stopped; start it first with `make heal`", node=node))
        return container

    def _existing(self, node: str) -> Container:
        container = self._container(node)
        if container is None:
            raise LabError(_("{node} has no container yet; run `make up` first", node=node))
        return container

    def _with_disk_verbs(self, node: str) -> Container:
        require(self._network(), "disk", node)
        return self._existing(node)

    def _start(self, nodes: Sequence[NodeAddress]) -> None:
        """Starts the containers of these nodes, made anew where they are gone."""
        project = self._project()
        ended = [each for each in project.containers() if each.service in {node.name for node in nodes}]
        project.act("start", ended)
        gone = [node.name for node in nodes if node.name not in {each.service for each in ended}]
        if gone:
            self._calls.up(*gone)

    def _wait_ready(self, current: Network) -> None:
        readiness.wait_ready(
            current.members,
            seconds=self._ready_seconds,
            check=self._refuse_ended,
            check_every=_LOOK_SECONDS,
            tell=self._tell,
        )

    def _refuse_ended(self, node: NodeAddress) -> None:
        container = self._container(node.name)
        if container is not None and (container.ended or container.state == "restarting"):
            said = self._project().last_words(container)
            raise LabError(
                _(
                    "{name} ended while starting: {said} (all of it: docker logs {id})",
                    name=node.name,
                    said=said,
                    id=container.id,
                )
            )

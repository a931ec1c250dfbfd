"""The process driver: every node is a real uvicorn process on 127.0.0.1, and faults are signals."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from lab import settings
from lab.chaos import play, schedule
from lab.errors import LabError
from lab.networks import network, ports
from lab.networks.drivers import disk, readiness
from lab.networks.drivers.base import NodeState
from lab.networks.drivers.damage import damage
from lab.networks.drivers.node_process import NodeProcess
from lab.networks.network import Network, NodeAddress, UpOptions

# Four bcrypt hashes, migrations and imports on a laptop with two slow cores stay far below this.
_READY_SECONDS = 90.0
# A node gets the settings of its network, and from the shell only what programs need to run at all.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


def uvicorn_command(node: NodeAddress) -> list[str]:
    """How a node is started: this program's own interpreter, in `services/node`."""
    return [
        *(sys.executable, "-m", "uvicorn", "app.main:app"),
        *("--host", "127.0.0.1", "--port", str(node.port)),
        *("--timeout-graceful-shutdown", "3", "--no-access-log"),
    ]


class ProcessDriver:
    """Runs the network kept in `run_dir`: `run_dir`/NAME holds a node's database, log and pid.

    `tell` gets a line whenever something begins that takes a while.
    `command` is what runs a node; tests of the driver itself put a smaller program there.
    """

    name = "process"

    def __init__(
        self,
        run_dir: Path,
        *,
        env_file: Path = settings.DEFAULT_ENV_FILE,
        tell: Callable[[str], None] = lambda _line: None,
        command: Callable[[NodeAddress], Sequence[str]] = uvicorn_command,
        ready_seconds: float = _READY_SECONDS,
    ) -> None:
        self._run_dir = run_dir.resolve()
        self._env_file = env_file
        self._tell = tell
        self._command = command
        self._ready_seconds = ready_seconds
        self._processes: dict[str, NodeProcess] = {}

    def up(self, options: UpOptions) -> Network:
        existing = network.find(self._run_dir)
        wanted = network.plan(existing, options, driver=self.name)
        alive = [node for node in wanted.nodes if self._process(node.name).alive()]
        if existing is not None and alive and existing.nodes != wanted.nodes:
            raise LabError("the ports change only while no node runs; run `make down` first")
        ports.refuse_taken(node for node in wanted.nodes if node not in alive)
        network.save(wanted, self._run_dir)
        self.heal()
        return wanted

    def down(self) -> None:
        # By what is on disk, not by the network: nothing is left running even when its file is gone.
        processes = [self._process(path.parent.name) for path in self._run_dir.glob("*/process.json")]
        for process in processes:
            process.ask_to_stop()
        for process in processes:
            process.stop()

    def clean(self) -> None:
        self.down()
        if network.find(self._run_dir) is not None:  # never removes a directory that is not a network's
            shutil.rmtree(self._run_dir)

    def start(self, node: str) -> None:
        address = self._network().node(node)
        process = self._process(node)
        if process.paused():
            raise LabError(f"{node} is paused, not stopped; resume it")
        if process.alive():
            return
        ports.refuse_taken([address])
        self._spawn(address)
        readiness.wait_answering([address], seconds=self._ready_seconds, check=self._refuse_ended)

    def stop(self, node: str) -> None:
        self._known(node).stop()

    def pause(self, node: str) -> None:
        self._running(node).pause()

    def resume(self, node: str) -> None:
        self._running(node).resume()

    def kill(self, node: str) -> None:
        self._known(node).kill()

    def state(self, node: str) -> NodeState:
        process = self._known(node)
        if not process.alive():
            return "stopped"
        return "paused" if process.paused() else "running"

    def heal(self) -> None:
        nodes = self._network().members
        for node in nodes:
            if self.state(node.name) == "paused":
                self._process(node.name).resume()
        for node in nodes:
            if self.state(node.name) == "stopped":
                self._spawn(node)
        readiness.wait_ready(nodes, seconds=self._ready_seconds, check=self._refuse_ended, tell=self._tell)

    def wipe(self, node: str) -> None:
        self.kill(node)
        for file in self._database(node).parent.glob("node.db*"):
            file.unlink()
        self.start(node)

    def backup(self, node: str, file: Path) -> None:
        disk.save(self._at_disk_of(node), file)

    def restore(self, node: str, file: Path) -> None:
        disk.require_copy(file)
        self.stop(node)
        try:
            disk.restore(self._at_disk_of(node), file)
        finally:
            self.start(node)

    def show_salvage(self, node: str) -> str:
        return disk.show_salvage(self._at_disk_of(node))

    def salvage(self, node: str, *, found: bool) -> str:
        self.stop(node)
        try:
            return disk.salvage(self._at_disk_of(node), found=found)
        finally:
            self.start(node)

    def corrupt(self, node: str) -> None:
        damage(self._database(node))

    def chaos(self, *, seconds: float, seed: int) -> None:
        faults = schedule.plan(sorted(self._network().names), seconds=seconds, seed=seed)
        play.play(faults, self, tell=self._tell)

    def _network(self) -> Network:
        return network.load(self._run_dir)

    def _process(self, name: str) -> NodeProcess:
        return self._processes.setdefault(name, NodeProcess(self._run_dir / name))

    def _known(self, name: str) -> NodeProcess:
        return self._process(self._network().node(name).name)

    def _running(self, name: str) -> NodeProcess:
        process = self._known(name)
        if not process.alive():
            raise LabError(f"{name} is stopped; start it first with `make heal`")
        return process

    def _spawn(self, node: NodeAddress) -> None:
        self._process(node.name).spawn(
            self._command(node), cwd=settings.NODE_DIR, environment=self._environment(node)
        )

    def _at_disk_of(self, node: str) -> disk.RunAtDisk:
        environment = self._environment(self._network().node(node))

        def run(words: Sequence[str], source: IO[bytes] | int, target: IO[bytes] | int) -> None:
            command = [sys.executable, *words[1:]]  # the interpreter that runs the nodes
            disk.run_at_disk(command, source, target, cwd=settings.NODE_DIR, environment=environment)

        return run

    def _database(self, node: str) -> Path:
        return self._run_dir / self._network().node(node).name / "node.db"

    def _environment(self, node: NodeAddress) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {**inherited, **self._settings(node)}

    def _settings(self, node: NodeAddress) -> dict[str, str]:
        kept = self._network()
        return {
            **settings.load_or_create(self._env_file).environment(),
            "NODE_NAME": node.name,
            "PEERS": ",".join(f"{peer.name}={peer.url}" for peer in kept.peers(node.name)),
            "DATABASE_PATH": str(self._database(node.name)),
            "STOCK_POLICY": kept.policy,
            **kept.settings,
            **kept.node_settings.get(node.name, {}),
        }

    def _refuse_ended(self, node: NodeAddress) -> None:
        process = self._process(node.name)
        if not process.alive():
            raise LabError(
                f"{node.name} ended while starting: {process.last_words()} (all of it in {process.log})"
            )

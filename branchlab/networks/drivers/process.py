"""The process driver: every node is a real process on 127.0.0.1, and faults are signals."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from branchlab import interruption, settings
from branchlab.chaos import play, schedule
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import network, ports
from branchlab.networks.drivers import disk, node_code, readiness
from branchlab.networks.drivers.base import NodeState
from branchlab.networks.drivers.damage import damage
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.homes import disks, folder, record, secrets_fit
from branchlab.networks.implementation import PLAIN, program_of, require
from branchlab.networks.network import LAB, Network, NodeAddress, UpOptions
from branchlab.settings import Secrets

# Four bcrypt hashes, migrations and imports on a laptop with two slow cores stay far below this.
_READY_SECONDS = 90.0
# A node gets the settings of its network, and from the shell only what programs need to run at all.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH")

OWNER = "LAB_NETWORK"
"""A setting that nodes ignore: the network's id. By it the lab finds nodes whose folder is gone."""


def node_command(node: NodeAddress) -> list[str]:
    """How the lab's own node is started: this program's own interpreter, in `services/node`."""
    return program_of(LAB).command(node)


def moved_under_nodes(run_dir: Path) -> str | None:
    """One line where a folder was moved while its nodes ran as processes; else None."""
    first = folder.moved_from(run_dir)
    records = run_dir.glob("*/process.json")
    if first is None or not any(NodeProcess(each.parent).alive() for each in records):
        return None
    return _(
        "this folder was moved from {first} while its nodes ran, and they still look for their"
        " data there: run `make down`, then `make up`",
        first=first,
    )


class ProcessDriver:
    """Runs the network kept in `run_dir`: `run_dir`/NAME holds a node's database, log and pid.

    `tell` gets a line whenever something begins that takes a while.
    `command` is what runs a node, in the place of the network's own program; tests put a smaller one there.
    """

    name = "process"

    def __init__(
        self,
        run_dir: Path,
        *,
        env_file: Path = settings.DEFAULT_ENV_FILE,
        tell: Callable[[str], None] = lambda _line: None,
        command: Callable[[NodeAddress], Sequence[str]] | None = None,
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
        secrets = secrets_fit.read_or_create(self._run_dir, self._env_file)
        self._require_shared(secrets)
        self._miss_disks(wanted)
        alive = [node for node in wanted.nodes if self._process(node.name).alive()]
        if existing is not None and alive and existing.nodes != wanted.nodes:
            raise LabError(_("the ports change only while no node runs; run `make down` first"))
        if moved := moved_under_nodes(self._run_dir):
            raise LabError(moved)
        ports.refuse_taken(node for node in wanted.nodes if node not in alive)
        network.save(wanted, self._run_dir)
        record.settle(self._run_dir, secrets)
        self.heal()
        if self.disks() >= {node.name for node in wanted.members}:
            record.note_data(self._run_dir)
        return wanted

    def down(self) -> None:
        # By what is on disk, not by the network: nothing is left running even when its file is gone.
        processes = [self._process(path.parent.name) for path in self._run_dir.glob("*/process.json")]
        with interruption.shielded():
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
            raise LabError(_("{node} is paused, not stopped; resume it", node=node))
        if process.alive():
            return
        self._require_shared(secrets_fit.read(self._run_dir, self._env_file))
        ports.refuse_taken([address])
        self._spawn(address)
        readiness.wait_answering([address], seconds=self._ready_seconds, check=self._refuse_ended)

    def stop(self, node: str) -> None:
        with interruption.shielded():  # one that is ending looks as if it ran
            self._known(node).stop()

    def pause(self, node: str) -> None:
        self._running(node).pause()

    def resume(self, node: str) -> None:
        self._running(node).resume()

    def kill(self, node: str) -> None:
        with interruption.shielded():
            self._known(node).kill()

    def state(self, node: str) -> NodeState:
        process = self._known(node)
        if not process.alive():
            return "stopped"
        return "paused" if process.paused() else "running"

    def disks(self) -> set[str]:
        return {path.parent.name for path in self._run_dir.glob("*/node.db")}

    def heal(self) -> None:
        self._require_shared(secrets_fit.read(self._run_dir, self._env_file))
        nodes = self._network().members
        for node in nodes:
            if self.state(node.name) == "paused":
                self._process(node.name).resume()
        stopped = [node for node in nodes if self.state(node.name) == "stopped"]
        ports.refuse_taken(stopped)
        for node in stopped:
            self._spawn(node)
        readiness.wait_ready(nodes, seconds=self._ready_seconds, check=self._refuse_ended, tell=self._tell)

    def wipe(self, node: str) -> None:
        with interruption.shielded():
            self.kill(node)
            for file in self._database(node).parent.glob("node.db*"):
                file.unlink()
            self.start(node)

    def backup(self, node: str, file: Path) -> None:
        disk.save(self._at_disk_of(node), file)

    def restore(self, node: str, file: Path) -> None:
        disk.require_copy(self._at_disk_of(node), file)
        self.stop(node)
        try:
            disk.restore(self._at_disk_of(node), file)
        finally:
            self.start(node)

    def show_salvage(self, node: str) -> str:
        return disk.show_salvage(self._at_disk_of(node))

    def salvage(self, node: str, *, found: bool) -> str:
        require(self._network(), "disk", node)
        self.stop(node)
        try:
            return disk.salvage(self._at_disk_of(node), found=found)
        finally:
            self.start(node)

    def reset_admin(self, node: str) -> str:
        require(self._network(), "disk", node)
        self.stop(node)
        try:
            return disk.reset_admin(self._at_disk_of(node))
        finally:
            self.start(node)

    def corrupt(self, node: str) -> None:
        require(self._network(), "disk", node)
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
            raise LabError(_("{name} is stopped; start it first with `make heal`", name=name))
        return process

    def _spawn(self, node: NodeAddress) -> None:
        implementation = self._network().implementation
        program, code = program_of(implementation), node_code.fingerprint(implementation)
        command = (self._command or program.command)(node)
        environment = self._environment(node)
        with interruption.shielded():  # a process that is not recorded would never be found again
            self._process(node.name).spawn(command, cwd=program.folder, environment=environment, code=code)

    def _at_disk_of(self, node: str) -> disk.RunAtDisk:
        require(self._network(), "disk", node)
        environment = self._environment(self._network().node(node))

        def run(words: Sequence[str], source: IO[bytes] | int, target: IO[bytes] | int) -> None:
            command = [sys.executable, *words[1:]]  # the interpreter that runs the nodes
            disk.run_at_disk(command, source, target, cwd=settings.NODE_DIR, environment=environment)

        return run

    def _database(self, node: str) -> Path:
        return self._run_dir / self._network().node(node).name / "node.db"

    def _environment(self, node: NodeAddress) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        is_ours = self._network().implementation in (LAB, PLAIN)
        if not is_ours:  # a `run` finds the lab's Python, and its packages
            inherited["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", "")])
            inherited |= {"HOST": "127.0.0.1", "PORT": str(node.port)}
        # Whatever the terminal shows, a node writes its log as UTF-8.
        return {**inherited, "PYTHONUTF8": "1", **self._settings(node)}

    def _settings(self, node: NodeAddress) -> dict[str, str]:
        kept = self._network()
        return {
            **secrets_fit.read(self._run_dir, self._env_file).environment(),
            OWNER: kept.founding,
            "NODE_NAME": node.name,
            "PEERS": ",".join(f"{peer.name}={peer.url}" for peer in kept.peers(node.name)),
            "DATABASE_PATH": str(self._database(node.name)),
            "STOCK_POLICY": kept.policy,
            "FOUNDING_ID": kept.founding,
            **kept.settings,
            **kept.node_settings.get(node.name, {}),
        }

    def _require_shared(self, secrets: Secrets) -> None:
        names = [path.parent.name for path in self._run_dir.glob("*/process.json")]
        secrets_fit.require_shared(
            self._run_dir,
            secrets,
            self._env_file,
            any_runs=lambda: any(self._process(name).alive() for name in names),
        )

    def _miss_disks(self, wanted: Network) -> None:
        missing = [node.name for node in wanted.members if node.name not in self.disks()]
        disks.miss(self._run_dir, missing, of=len(wanted.members), what=_("database"))

    def _refuse_ended(self, node: NodeAddress) -> None:
        process = self._process(node.name)
        if not process.alive():
            ports.refuse_taken([node])  # taken since it was looked at; the log's last line is not about that
            raise LabError(
                _(
                    "{name} ended while starting: {last_words} (all of it in {log})",
                    name=node.name,
                    last_words=process.last_words(),
                    log=process.log,
                )
            )

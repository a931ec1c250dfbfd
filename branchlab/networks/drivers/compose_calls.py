"""Calls of Docker Compose for one network: which files and variables they take, and where the output goes."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from branchlab import settings
from branchlab.language import _
from branchlab.networks import network, pip_settings
from branchlab.networks.drivers import compose_command, compose_files
from branchlab.networks.drivers.compose_command import ComposeCommand
from branchlab.networks.drivers.docker import CHAOS_SERVICE
from branchlab.networks.drivers.own_project import OwnProject
from branchlab.networks.drivers.told import BuildSteps, OnLine
from branchlab.networks.homes import secrets_fit
from branchlab.networks.network import Network
from branchlab.steps import silent

_LOG = "compose.log"


class ComposeCalls:
    """Calls Compose for the network kept in `run_dir`; `run_dir`/compose.log gets what it says.

    `command` is the Compose to call, by default the one that this machine has. `more_files` are Compose files
    that every call takes beside the network's own. `tell` gets a line at each step of a build. Every call
    raises LabError when Compose fails.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        env_file: Path,
        own: OwnProject,
        tell: Callable[[str], None],
        command: ComposeCommand | None = None,
        more_files: Sequence[Path] = (),
    ) -> None:
        self._run_dir = run_dir
        self._env_file = env_file
        self._own = own
        self._tell = tell
        self._command = command
        self._more_files = tuple(more_files)

    def build(self, service: str) -> None:
        """Build a node's image."""
        current = self._network()
        self._build(service, _("building the image"), files=self._files(current))

    def up(self, *services: str) -> None:
        """Create and start the containers of these services alone, or of all."""
        current = self._network()
        alone = ("--no-deps", *services) if services else ()
        self._logged("up", "--detach", "--no-build", *alone, files=self._files(current))

    def build_chaos(self) -> None:
        """Build the image of the chaos container."""
        current = self._network()
        self._build(CHAOS_SERVICE, _("building the chaos image"), files=self._chaos_files(current))

    def run_chaos(self, *, seconds: float, seed: int) -> None:
        """Run the chaos container until its time is over, with its output on the terminal."""
        current = self._network()
        # Without the nodes' own part of the file: they stay as they are, chaos only needs them to run.
        arguments = ("run", "--rm", "-T", "--no-deps", CHAOS_SERVICE)
        environment = self.environment(current)
        environment |= {"CHAOS_SECONDS": str(seconds), "CHAOS_SEED": str(seed)}
        self._found().run(*arguments, files=self._chaos_files(current), environment=environment)

    def environment(self, current: Network) -> dict[str, str]:
        """What the Compose files fill in: what the lab decides, else what the shell says, else `.env`."""
        secrets = secrets_fit.read(self._run_dir, self._env_file)
        by_hand = settings.others(self._env_file)
        return {
            **{name: value for name, value in by_hand.items() if name not in os.environ},
            **pip_settings.build_arguments(),
            **secrets.environment(),
            **compose_files.port_variables(current),
            "STOCK_POLICY": current.policy,
            "FOUNDING_ID": current.founding,
            "COMPOSE_PROJECT_NAME": self._own.project.name,
        }

    def _network(self) -> Network:
        return network.load(self._run_dir)

    def _files(self, current: Network) -> tuple[Path, ...]:
        return (compose_files.node_file(current, self._run_dir), *self._more_files)

    def _chaos_files(self, current: Network) -> tuple[Path, ...]:
        return (*self._files(current), compose_files.chaos_file(current, self._run_dir))

    def _build(self, service: str, what: str, *, files: Sequence[Path]) -> None:
        steps = BuildSteps(what)

        def tell(line: str) -> None:
            for step in steps.read(line):
                self._tell(step)

        self._logged("build", service, files=files, on_line=tell)

    def _logged(self, *arguments: str, files: Sequence[Path], on_line: OnLine = silent) -> None:
        self._found().run_logged(
            *arguments,
            files=files,
            environment=self.environment(self._network()),
            log=self._run_dir / _LOG,
            on_line=on_line,
        )

    def _found(self) -> ComposeCommand:
        if self._command is None:
            self._command = compose_command.find()
        return self._command

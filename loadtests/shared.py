"""What all simulated operators of one Locust process share: nodes, tokens, the run log, and the end."""

import itertools
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from locust.env import Environment
from locust.runners import LocalRunner

from lab.checking.runlog import RunLog
from lab.errors import LabError
from lab.networks import network
from lab.networks.network import NodeAddress
from loadtests import target

_MISTAKES_SHOWN = 5


class Load:
    """What all operators of this process share. `prepare` it before anything else."""

    def __init__(self) -> None:
        self.mistakes = 0
        self._run_dir = Path()
        self._tokens: list[str] = []
        self._log: RunLog | None = None
        self._places: Iterator[tuple[NodeAddress, str]] = iter(())
        self._end: threading.Timer | None = None

    @property
    def log(self) -> RunLog:
        assert self._log is not None, "Locust prepares the load before it makes the first operator"
        return self._log

    def prepare(self, environment: Environment) -> None:
        """Refuses (LabError) what a load test must not do, before anything is sent."""
        options = environment.parsed_options
        if not isinstance(environment.runner, LocalRunner):
            raise LabError("the run log is written by one process; leave --master, --worker, --processes out")
        if options is not None and options.headless:
            target.require_an_end(options.run_time)
        try:
            self._run_dir = Path(os.environ["LAB_RUN_DIR"])
            self._tokens = os.environ["LAB_LOAD_TOKENS"].split(",")
            log = Path(os.environ["LAB_LOAD_LOG"])
        except KeyError:
            raise LabError("start load tests with `make load` or `make load-ui`") from None
        self._nodes(environment)
        self._log = RunLog(log, resume=True)

    def open(self, environment: Environment) -> None:
        """A test starts: gives its operators their places, and sees to it that it ends."""
        nodes = self._nodes(environment)
        self._places = zip(itertools.cycle(nodes), itertools.cycle(self._tokens), strict=False)
        assert environment.runner is not None, "a test starts in a runner"
        self._end = threading.Timer(target.MOST_SECONDS, environment.runner.stop)
        self._end.daemon = True
        self._end.start()

    def close(self) -> None:
        """The test has ended."""
        if self._end is not None:
            self._end.cancel()

    def next_place(self) -> tuple[NodeAddress, str]:
        """The node and the token of the next simulated user."""
        return next(self._places)

    def note_mistake(self, words: str) -> None:
        self.mistakes += 1
        if self.mistakes <= _MISTAKES_SHOWN:
            sys.stderr.write(f"no node should answer so: {words}\n")

    def _nodes(self, environment: Environment) -> tuple[NodeAddress, ...]:
        return target.nodes_to_load(network.load(self._run_dir), environment.host)

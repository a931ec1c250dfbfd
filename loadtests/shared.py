"""What all simulated operators of one Locust process share: nodes, tokens, the run log, and the end."""

import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from branchlab.checking.runlog import RunLog
from branchlab.errors import LabError
from branchlab.networks import network
from branchlab.networks.network import NodeAddress
from branchlab.teaching.load import workers
from branchlab.teaching.load.locust import MISUSED
from loadtests import target

_MISTAKES_SHOWN = 5
_ORPHANED = 2
_MISTAKE = "mistake"  # of a message from a worker to its master


class _EndingLog(RunLog):
    """The run log of operators: Locust would go on after a record that cannot be written, this ends it."""

    def _append(self, kind: str, **fields: Any) -> None:
        try:
            super()._append(kind, **fields)
        except LabError as error:
            sys.stderr.write(f"locust: {error}\n")
            sys.stderr.flush()
            os._exit(MISUSED)


class Load:
    """What all operators of this process share. `prepare` it before anything else. Every order has `mark` as
    its note, so that it is known as the run's."""

    def __init__(self) -> None:
        self.mistakes = 0
        self._run_dir = Path()
        self._tokens: list[str] = []
        self.mark = ""
        self._parent = 0
        self._log: RunLog | None = None
        self._logins: list[tuple[str, str]] = []
        self._tell_master: Callable[[str], None] | None = None
        self._places: Iterator[tuple[NodeAddress, tuple[str, str], str]] = iter(())
        self._end: threading.Timer | None = None

    @property
    def log(self) -> RunLog:
        assert self._log is not None, "Locust prepares the load before it makes the first operator"
        return self._log

    def prepare(self, environment: Environment) -> None:
        """Refuses (LabError) what a load test must not do, before anything is sent."""
        options = environment.parsed_options
        self._parent = os.getppid()  # of a worker, its master: this file was read before they parted
        is_worker = isinstance(environment.runner, WorkerRunner)  # its master ends it
        if options is not None and options.headless and not is_worker:
            target.require_an_end(options.run_time)
        try:
            self._run_dir = Path(os.environ["LAB_RUN_DIR"])
            self._tokens = os.environ["LAB_LOAD_TOKENS"].split(",")
            pairs = (pair.partition(":") for pair in os.environ["LAB_LOAD_LOGINS"].split(","))
            self._logins = [(username, password) for username, _, password in pairs]
            log = Path(os.environ["LAB_LOAD_LOG"])
            began_at = int(os.environ["LAB_LOAD_BEGAN"])
            self.mark = os.environ["LAB_LOAD_MARK"]
        except KeyError:
            raise LabError("start load tests with `make load` or `make load-ui`") from None
        self._nodes(environment)
        if not environment.host:  # so that Locust's page and report show where the load goes
            environment.host = target.all_hosts(network.load(self._run_dir))
        match environment.runner:
            case LocalRunner():
                self._log = _EndingLog(log, resume=True, resumed_at=began_at)
            case MasterRunner() as master:
                master.register_message(
                    _MISTAKE, lambda environment, msg, **_: self.note_mistake(msg.data["words"])
                )
            case WorkerRunner() as worker:
                self._log = _EndingLog(workers.begin_part(log, os.getpid()), resume=True, resumed_at=began_at)
                self._tell_master = lambda words: worker.send_message(_MISTAKE, {"words": words})

    def open(self, environment: Environment) -> None:
        """A test starts: gives its operators their places, and sees to it that it ends."""
        nodes = self._nodes(environment)
        assert environment.runner is not None, "a test starts in a runner"
        people = itertools.cycle(zip(self._logins, self._tokens, strict=True))
        places = ((node, *person) for node, person in zip(itertools.cycle(nodes), people, strict=False))
        # The workers' first users are not all at the first node.
        first = getattr(environment.runner, "worker_index", 0)
        self._places = itertools.islice(places, first, None)
        self._end = threading.Timer(target.MOST_SECONDS, environment.runner.stop)
        self._end.daemon = True
        self._end.start()

    def close(self) -> None:
        """The test has ended."""
        if self._end is not None:
            self._end.cancel()

    def next_place(self) -> tuple[NodeAddress, tuple[str, str], str]:
        """The node, the login and the token of the next simulated user."""
        return next(self._places)

    def require_parent(self) -> None:
        """Ends the program at once when the lab that started it is gone: nobody will judge its requests, and
        the next run would take its orders for somebody else's."""
        if os.getppid() != self._parent:
            os._exit(_ORPHANED)

    def note_mistake(self, words: str) -> None:
        """Counts it, and says the first ones; a worker lets its master do both."""
        if self._tell_master is not None:
            self._tell_master(words)
            return
        self.mistakes += 1
        if self.mistakes <= _MISTAKES_SHOWN:
            sys.stderr.write(f"no node should answer so: {words}\n")

    def _nodes(self, environment: Environment) -> tuple[NodeAddress, ...]:
        return target.nodes_to_load(network.load(self._run_dir), environment.host)

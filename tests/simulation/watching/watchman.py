"""Treats the alarms that nodes log as broken promises, unless a fault of the history makes them true."""

import logging

from tests.simulation.journal import Journal
from tests.simulation.machines.process import process_now
from tests.simulation.people.promises import Promises
from tests.simulation.watching.claims import Claims

TRUE_ALARMS = ("divergence", "repaired")  # once a disk was lost
# Once a disk went back: to a life that was over already it is one of two that claim the branch.
TRUE_ALARMS_OF_ROLLBACKS = ("new_epoch", "fork", "cloned")
TRUE_ALARMS_OF_CLONES = ("fenced",)
# Where a member lies: two histories of its own life, and rows of it that differ.
TRUE_ALARMS_OF_LIARS = ("divergence", "repaired", "fork", "cloned", "accused", "unwritten_rows")
TRUE_ALARMS_OF_ENDED_LIVES = ("new_epoch", "fenced")


class Watchman(logging.Handler):
    """Treats every alarm and every ended task that a node logs as a broken promise: the network is honest,
    and nodes must withstand its faults. After a lost disk some alarms are true: rows that only an answer
    carried may differ between peers, and they notice and repair that.

    What the node of a member that lies logs is not looked at (`claims`).
    """

    def __init__(self, journal: Journal, promises: Promises, claims: Claims) -> None:
        super().__init__(level=logging.ERROR)
        self._claims = claims
        self._journal = journal
        self._promises = promises
        self._logger = logging.getLogger("app")

    def emit(self, record: logging.LogRecord) -> None:
        process = process_now()
        if process is not None and process.node.settings.node_name == self._claims.liar:
            return
        error = f" ({record.exc_info[1]!r})" if record.exc_info else ""
        message = record.getMessage() + error
        unreadable = self._journal.faults["poison"]
        if unreadable and message.startswith(TRUE_ALARMS):
            self._journal.note("alarm", message)
            return
        told = self._promises
        true = (
            *(TRUE_ALARMS if told.wiped else ()),
            *(TRUE_ALARMS_OF_ROLLBACKS if told.restored else ()),
            *(TRUE_ALARMS_OF_CLONES if told.cloned else ()),
            *(TRUE_ALARMS_OF_LIARS if self._claims.liar else ()),
            *(TRUE_ALARMS_OF_ENDED_LIVES if self._claims.may_end_lives else ()),
        )
        if message.startswith(true):
            self._journal.note("alarm", message)
        else:
            self._journal.violation("alarm", message)

    def __enter__(self) -> None:
        self._logger.addHandler(self)
        self._propagates, self._logger.propagate = self._logger.propagate, False

    def __exit__(self, *_exc: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagates

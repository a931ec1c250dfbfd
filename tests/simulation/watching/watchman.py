"""Treats the alarms that nodes log as broken promises, unless a fault of the history makes them true."""

import logging

from tests.simulation.journal import Journal
from tests.simulation.people.promises import Promises

TRUE_ALARMS = ("divergence", "repaired")  # once a disk was lost
# Once a disk went back: to a life that was over already it is one of two that claim the branch.
TRUE_ALARMS_OF_ROLLBACKS = ("new_epoch", "fork", "cloned")
TRUE_ALARMS_OF_CLONES = ("fenced",)


class Watchman(logging.Handler):
    """Treats every alarm and every ended task that a node logs as a broken promise: the network is honest,
    and nodes must withstand its faults. After a lost disk some alarms are true: rows that only an answer
    carried may differ between peers, and they notice and repair that."""

    def __init__(self, journal: Journal, promises: Promises) -> None:
        super().__init__(level=logging.ERROR)
        self._journal = journal
        self._promises = promises
        self._logger = logging.getLogger("app")

    def emit(self, record: logging.LogRecord) -> None:
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

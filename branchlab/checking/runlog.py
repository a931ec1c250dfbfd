"""The run log: one append-only `run.jsonl` of all that a run did and saw (docs/runlog.md is its format).

The checker reads only this file. It is written while things happen, so an interrupted run still shows what
clients had been promised.
"""

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from branchlab import private
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.nodes.contract import Order, Status, Stock

if TYPE_CHECKING:  # the drivers bring an HTTP client and a console, which a checker of a log does without
    from branchlab.networks.drivers import NodeState

FORMAT = 1
Phase = Literal["before", "final"]
Record = Mapping[str, Any]


def _wall_clock() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class RunLog:
    """Appends records to one file. Every record is flushed before the call returns. LabError when that cannot
    be, as on a full disk: what nobody can judge later is not done."""

    def __init__(
        self,
        path: Path,
        *,
        resume: bool = False,
        resumed_at: int | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        wall_clock: Callable[[], str] = _wall_clock,
        tap: Callable[[Record], None] | None = None,
    ) -> None:
        """Starts a new log at `path`. LabError if there is one already: no log is ever written over. `tap`
        gets every record once it is written.

        With `resume` it continues the log that another program began there and closed: numbers and time
        continue from the last record, which is taken for a record of this moment or of `resumed_at` (of the
        clock). LabError when there is no readable log.
        """
        self.path = path
        self._clock = clock
        self._wall_clock = wall_clock
        self._tap = tap
        self._operations = 0
        self._faults = 0
        self._questions = 0
        self._started = clock()
        if resume:
            self._take_up(clock() if resumed_at is None else resumed_at)
        else:
            private.make_folder(path.parent)
        try:
            self._file = private.open_text(path, "a" if resume else "x")
        except FileExistsError:
            raise LabError(_("there is a run log {path} already; every run has its own", path=path)) from None

    def _take_up(self, moment: int) -> None:
        """Finds the end of the log, and removes a last line that was cut short."""
        for record in read_records(self.path):
            self._operations = max(self._operations, record.get("op", 0))
            self._faults = max(self._faults, record.get("id", 0))
            self._questions = max(self._questions, record.get("question", 0))
            self._started = moment - record["at_ns"]
        content = self.path.read_bytes()
        os.truncate(self.path, content.rfind(b"\n") + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with suppress(OSError):  # of a record that could not be written, and this was said then
            self._file.close()

    def start(
        self,
        *,
        run: str,
        what: str,
        seed: int | None,
        nodes: Mapping[str, str],
        policy: str,
        driver: str,
        may_oversell: bool = False,
        alone: bool = False,
    ) -> None:
        """First record: the run, its nodes (name → URL) and its policy; whether units sold too often are
        allowed if every node lists them; whether nobody else can log in to the network."""
        self._append(
            "run.start",
            format=FORMAT,
            run=run,
            what=what,
            seed=seed,
            nodes=dict(nodes),
            policy=policy,
            driver=driver,
            may_oversell=may_oversell,
            alone=alone,
        )

    def invoke(
        self,
        action: str,
        node: str,
        request: Mapping[str, Any],
        *,
        key: str | None = None,
        attempt: int = 1,
        by: str | None = None,
    ) -> int:
        """A request is about to be sent, `by` hand where that is said. Returns the number for its outcome."""
        self._operations += 1
        self._append(
            "op.invoke",
            op=self._operations,
            action=action,
            node=node,
            key=key,
            attempt=attempt,
            request=dict(request),
            **({} if by is None else {"by": by}),
        )
        return self._operations

    def ok(self, op: int, *, response: Any) -> None:
        """The node did it and answered `response`."""
        self._append("op.ok", op=op, response=response)

    def fail(self, op: int, *, status: int, code: str, problem: Mapping[str, Any]) -> None:
        """The node certainly did not do it."""
        self._append("op.fail", op=op, status=status, code=code, problem=dict(problem))

    def info(self, op: int, *, reason: str) -> None:
        """Whether the node did it is unknown."""
        self._append("op.info", op=op, reason=reason)

    def fault_requested(
        self, fault: str, target: str, *, lease_seconds: float | None = None, seen: bool = False
    ) -> int:
        """A fault is about to be made, or was `seen` at the nodes though nobody here made it. Returns the
        number for the next two records."""
        self._faults += 1
        lease = {} if lease_seconds is None else {"lease_seconds": lease_seconds}
        told = {"seen": True} if seen else {}
        self._append("fault.requested", id=self._faults, fault=fault, target=target, **lease, **told)
        return self._faults

    def fault_active(self, fault_id: int) -> None:
        """The fault is felt from now on."""
        self._append("fault.active", id=fault_id)

    def fault_healed(self, fault_id: int, *, by: Literal["healed", "lease"] = "healed") -> None:
        self._append("fault.healed", id=fault_id, **({} if by == "healed" else {"by": by}))

    def disk_lost(self, node: str, *, at_risk: Collection[str]) -> None:
        """A node's disk was lost, or went back in time. Before that, the node had shown these acknowledged
        orders as stored by no peer yet; only they may be missing at the end."""
        self._append("disk.lost", node=node, at_risk=sorted(at_risk))

    def sample(
        self,
        node: str,
        status: Status | None,
        *,
        stock: list[Stock] | None = None,
        state: "NodeState | None" = None,
    ) -> None:
        """A node's `/status`, null if the node did not answer, some of its stock from the same life, and its
        state as its driver sees it. The samples of one node must be taken one after the other."""
        more: dict[str, Any] = {} if stock is None else {"stock": stock}
        if state is not None:
            more["state"] = state
        self._append("sample", node=node, status=status, **more)

    def heard(self, node: str) -> None:
        """The node was asked again, and said the same as in its last sample."""
        self._append("heard", node=node)

    @property
    def seconds(self) -> float:
        """The run's time now."""
        return (self._clock() - self._started) / 1e9

    def read(self, node: str, phase: Phase, *, orders: list[Order], stock: list[Stock]) -> None:
        """All orders and stock of one node, before the run or at its end, then a mark that the read is
        complete."""
        for order in orders:
            self._append("read.order", node=node, phase=phase, order=order)
        for product in stock:
            self._append("read.stock", node=node, phase=phase, stock=product)
        self._append("read.done", node=node, phase=phase, orders=len(orders), stock=len(stock))

    def agreement(self, why_not: str | None) -> None:
        """Whether the nodes agreed and stood still when they were read at the end, and why not."""
        self._append("agreement", agreed=why_not is None, why=why_not)

    def opinion(self, result: Mapping[str, Any]) -> None:
        """What the checker says of the records so far, while the run goes on."""
        self._append("opinion", **result)

    def question(self, text: str, choices: Sequence[str], **more: Any) -> int:
        """The class is asked; `more` says what a lesson's question is, and says it in both languages. Returns
        the number for its votes."""
        self._questions += 1
        self._append("question", question=self._questions, text=text, choices=list(choices), **more)
        return self._questions

    def vote(self, question: int, voter: str, choice: Any) -> None:
        """Somebody chooses, or says a number, or draws a line; the last vote of a voter counts."""
        self._append("vote", question=question, voter=voter, choice=choice)

    def question_closed(self, question: int) -> None:
        """No vote counts any more."""
        self._append("question.closed", question=question)

    def followed(self, run: str, *, over: bool = False) -> None:
        """Another run on the same network begins, or is over; what it does is copied into this log."""
        self._append("run.over" if over else "run.followed", run=run)

    def copied(self, record: Record, **numbers: int) -> None:
        """A record of another run, as it was but for the time and these numbers."""
        told = {name: value for name, value in record.items() if name not in ("kind", "at_ns", "wall")}
        self._append(record["kind"], **{**told, **numbers})

    def next_operation(self) -> int:
        """A number for an operation of another run."""
        self._operations += 1
        return self._operations

    def next_fault(self) -> int:
        """A number for a fault of another run."""
        self._faults += 1
        return self._faults

    def told(self, kind: str, **fields: Any) -> None:
        """A record of a lesson: a step, a prediction, an expectation, or how a node answered false events."""
        self._append(kind, **fields)

    def verdict(self, result: Mapping[str, Any]) -> None:
        """Last record: the verdict of the run's own checker over the records above."""
        self._append("verdict", **result)

    def _append(self, kind: str, **fields: Any) -> None:
        head = {"kind": kind, "at_ns": self._clock() - self._started, "wall": self._wall_clock()}
        record = {**head, **fields}
        try:
            self._file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
            self._file.flush()
        except OSError as error:
            raise LabError(
                _(
                    "the run log {path} cannot be written ({strerror}), so the run ends; free some of that"
                    " disk, then see what is known with `./lab verify`",
                    path=self.path,
                    strerror=error.strerror,
                )
            ) from None
        if self._tap is not None:
            self._tap(record)


def read_records(path: Path) -> Iterator[Record]:
    """The records in order. A last line that a crash cut short is left out; LabError names any other bad
    line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(_("cannot read the run log {path}: {error}", path=path, error=error)) from None
    for number, line in enumerate(lines[:-1], start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
            raise LabError(
                _(
                    "{path} line {number} is not a record of a run log (docs/runlog.md)",
                    path=path,
                    number=number,
                )
            )
        yield record

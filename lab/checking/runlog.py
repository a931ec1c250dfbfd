"""The run log: one append-only `run.jsonl` of all that a run did and saw (docs/runlog.md is its format).

The checker reads only this file. It is written while things happen, so an interrupted run still shows what
clients had been promised.
"""

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from lab.errors import LabError
from lab.nodes.contract import Order, Status, Stock

FORMAT = 1
Phase = Literal["before", "final"]
Record = Mapping[str, Any]


def _wall_clock() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class RunLog:
    """Appends records to one file. Every record is flushed before the call returns."""

    def __init__(
        self,
        path: Path,
        *,
        resume: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
        wall_clock: Callable[[], str] = _wall_clock,
    ) -> None:
        """Starts a new log at `path`; an earlier one there is kept beside it as `*.previous.jsonl`.

        With `resume` it continues the log that another program began there and closed: numbers and time
        continue from the last record. LabError when there is no readable log.
        """
        self.path = path
        self._clock = clock
        self._wall_clock = wall_clock
        self._operations = 0
        self._faults = 0
        self._started = clock()
        if resume:
            self._take_up()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                path.replace(path.with_suffix(f".previous{path.suffix}"))
        self._file = path.open("a" if resume else "x", encoding="utf-8")

    def _take_up(self) -> None:
        """Finds the end of the log, and removes a last line that was cut short."""
        for record in read_records(self.path):
            self._operations = max(self._operations, record.get("op", 0))
            self._faults = max(self._faults, record.get("id", 0))
            self._started = self._clock() - record["at_ns"]
        content = self.path.read_bytes()
        os.truncate(self.path, content.rfind(b"\n") + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
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
    ) -> None:
        """First record: the run, its nodes (name → URL) and its policy, and whether units sold too often are
        allowed if every node lists them."""
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
        )

    def invoke(
        self, action: str, node: str, request: Mapping[str, Any], *, key: str | None = None, attempt: int = 1
    ) -> int:
        """A request is about to be sent. Returns the number for its outcome."""
        self._operations += 1
        self._append(
            "op.invoke",
            op=self._operations,
            action=action,
            node=node,
            key=key,
            attempt=attempt,
            request=dict(request),
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

    def fault_requested(self, fault: str, target: str) -> int:
        """A fault is about to be made. Returns the number for the next two records."""
        self._faults += 1
        self._append("fault.requested", id=self._faults, fault=fault, target=target)
        return self._faults

    def fault_active(self, fault_id: int) -> None:
        self._append("fault.active", id=fault_id)

    def fault_healed(self, fault_id: int) -> None:
        self._append("fault.healed", id=fault_id)

    def disk_lost(self, node: str, *, at_risk: Collection[str]) -> None:
        """A node's disk was lost, or went back in time. Before that, the node had shown these acknowledged
        orders as stored by no peer yet; only they may be missing at the end."""
        self._append("disk.lost", node=node, at_risk=sorted(at_risk))

    def sample(self, node: str, status: Status | None, *, stock: list[Stock] | None = None) -> None:
        """A node's `/status`, null if the node did not answer, and some of its stock from the same life. The
        samples of one node must be taken one after the other."""
        self._append("sample", node=node, status=status, **({} if stock is None else {"stock": stock}))

    def read(self, node: str, phase: Phase, *, orders: list[Order], stock: list[Stock]) -> None:
        """All orders and stock of one node, before the run or at its end, then a mark that the read is
        complete."""
        for order in orders:
            self._append("read.order", node=node, phase=phase, order=order)
        for product in stock:
            self._append("read.stock", node=node, phase=phase, stock=product)
        self._append("read.done", node=node, phase=phase, orders=len(orders), stock=len(stock))

    def verdict(self, result: Mapping[str, Any]) -> None:
        """Last record: the verdict of the run's own checker over the records above."""
        self._append("verdict", **result)

    def _append(self, kind: str, **fields: Any) -> None:
        head = {"kind": kind, "at_ns": self._clock() - self._started, "wall": self._wall_clock()}
        self._file.write(json.dumps({**head, **fields}, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._file.flush()


def read_records(path: Path) -> Iterator[Record]:
    """The records in order. A last line that a crash cut short is left out; LabError names any other bad
    line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"cannot read the run log {path}: {error}") from None
    for number, line in enumerate(lines[:-1], start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
            raise LabError(f"{path} line {number} is not a record of a run log (docs/runlog.md)")
        yield record

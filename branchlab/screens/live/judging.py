"""The checker's opinion while a run goes on: all nodes are read and judged again and again.

The reads are not written to the log, only what the checker said of them. While orders arrive, the nodes are
read in the middle of things: then what is missing may be on its way, and the checker is told so.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from branchlab.checking.runlog import Record
from branchlab.checking.verdict import Verdict, judge
from branchlab.language import deferred
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Order, Status, Stock
from branchlab.nodes.convergence import is_converged
from branchlab.nodes.outcome import Refused, Unknown

_SAMPLE_SECONDS = 5.0  # of each node, one is kept for the checker this often
_ENDS = ("op.ok", "op.fail", "op.info")
_LEFT_OUT = ("heard", "opinion", "vote", "question", "question.closed", "run.followed", "run.over")
_LATE = deferred("the nodes were still being written to")

NodeRead = tuple[list[Order], list[Stock]]


class Kept:
    """The records of a run that the checker needs: all but most samples."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.changes = 0
        self._sampled: dict[str, float] = {}

    def add(self, record: Record) -> None:
        """Keeps a record, if the checker needs it. `changes` counts what may change its opinion."""
        kind, at = record["kind"], record["at_ns"] / 1e9
        if kind in _LEFT_OUT:
            return
        if kind == "sample":
            if at - self._sampled.get(record["node"], float("-inf")) < _SAMPLE_SECONDS:
                return
            self._sampled[record["node"]] = at
        else:
            self.changes += 1
        self.records.append(record)

    def until(self, place: int) -> list[Record]:
        """The records before a place, and of those after it the requests without their ends: they may have
        had their effect when the nodes were read."""
        later = self.records[place:]
        return [*self.records[:place], *(record for record in later if record["kind"] not in _ENDS)]


@dataclass(frozen=True)
class Read:
    """What the nodes showed that answered, by name, and how many seconds the slowest of them took."""

    nodes: Mapping[str, NodeRead]
    seconds: float


async def read_all(clients: Mapping[str, NodeClient]) -> Read:
    """Orders and stock of every node that shows them."""

    async def read(client: NodeClient) -> tuple[NodeRead, float] | None:
        began = time.monotonic()
        try:
            return (await client.orders(), await client.stock()), time.monotonic() - began
        except (Refused, Unknown):
            return None

    answers = await asyncio.gather(*map(read, clients.values()))
    found = {name: one for name, one in zip(clients, answers, strict=True) if one is not None}
    nodes = {name: node for name, (node, _) in found.items()}
    return Read(nodes, max((seconds for _, seconds in found.values()), default=0.0))


async def opinion(
    kept: Kept, clients: Mapping[str, NodeClient], statuses: Mapping[str, Status | None]
) -> tuple[Verdict, float]:
    """What the checker says now, and how many seconds of work it was, for nodes and for this machine.
    `statuses` are the nodes' last answers. A node without one is not asked: it may hang, as a paused one
    does, and the verdict would come as late as the time-out."""
    place = len(kept.records)
    read = await read_all({name: one for name, one in clients.items() if statuses[name] is not None})
    records = kept.until(place)
    is_late = is_converged(statuses) is not True or len(kept.records) != place
    began = time.monotonic()
    told = [*records, *_as_records(read.nodes, _LATE if is_late else None)]
    verdict = await asyncio.to_thread(judge, told)
    return verdict, read.seconds + time.monotonic() - began


def _as_records(reads: Mapping[str, NodeRead], late: str | None) -> list[Record]:
    records: list[Record] = []
    for node, (orders, stock) in reads.items():
        head = {"node": node, "phase": "final"}
        records += [{"kind": "read.order", **head, "order": order} for order in orders]
        records += [{"kind": "read.stock", **head, "stock": one} for one in stock]
        records.append({"kind": "read.done", **head, "orders": len(orders), "stock": len(stock)})
    records.append({"kind": "agreement", "agreed": late is None, "why": late})
    return records

"""Records of a run with times chosen by a test, as a run log would have them."""

from typing import Any

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.timeline import Timeline
from branchlab.nodes.contract import Status
from branchlab.tests import readings

NAMES = ("matriz", "filial-norte", "filial-sul")


class Told:
    """A timeline that is told of a run, moment by moment."""

    def __init__(self, **how: Any) -> None:
        self.timeline = Timeline(**how)
        self.records: list[Record] = []
        nodes = dict.fromkeys(NAMES, "http://127.0.0.1:1")
        self.add(0, "run.start", run="r1", what="test", policy="escrow", nodes=nodes)

    def add(self, at: float, kind: str, **fields: Any) -> None:
        record = {"kind": kind, "at_ns": int(at * 1e9), "wall": "2026-01-01T00:00:00.000+00:00", **fields}
        self.records.append(record)
        self.timeline.add(record)

    def sample(self, at: float, node: str, said: Status | None, **fields: Any) -> None:
        self.add(at, "sample", node=node, status=said, **fields)

    def all_agree(self, at: float) -> None:
        """Every node answers, and nothing is pending."""
        for name in NAMES:
            self.sample(at, name, readings.status(name, [peer for peer in NAMES if peer != name]))

    def owes(self, at: float, node: str, peer: str, pending: int | None) -> None:
        """A node answers that so much is pending to one peer."""
        others = [peer, *(name for name in NAMES if name not in (node, peer))]
        self.sample(at, node, readings.status(node, others, pending=pending, oldest=1.5))

    def fault(self, number: int, fault: str, target: str, *, at: tuple[float, ...], **fields: Any) -> None:
        """A fault that is requested, felt and healed at these moments, as far as they are given."""
        self.add(at[0], "fault.requested", id=number, fault=fault, target=target, **fields)
        for kind, moment in zip(("active", "healed"), at[1:], strict=False):
            self.add(moment, f"fault.{kind}", id=number)

    def order(self, at: float, number: int, end: str, *, node: str = "matriz", **fields: Any) -> None:
        """An order is asked for and ends so."""
        request = {"customer": "ANA", "lines": [{"sku": "CAFE", "quantity": 2}]}
        asked = {"action": "order", "node": node, "request": request, "key": str(number), "attempt": 1}
        by = {"by": fields.pop("by")} if "by" in fields else {}
        self.add(at, "op.invoke", op=number, **asked, **by)
        self.add(at, f"op.{end}", op=number, **fields)

    def story(self, language: Any = "en") -> list[str]:
        return [line.said(language) for line in self.timeline.story]

"""What happened at which node, in an order that fits causes: out of a run log alone.

A log tells when a node was seen to know an event, not when it received it. So an event of a branch is placed
at the first moment at which any node was seen to know it, and its arrival at a peer at the first moment at
which that peer was. So every cause stands before its effect; events between two samples are told together.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from branchlab.checking.runlog import Record
from branchlab.language import N_, Deferred, deferred

What = Literal["wrote", "received", "order", "refused", "false"]
_FALSE = {
    "event.ignored": N_("ignored {count} × {cause}"),
    "event.rejected": N_("rejected {count} × {cause}"),
}


@dataclass(frozen=True)
class Happening:
    """One thing at one `node`, `at` so many seconds of the run. Of `received`, `cause` is the place of the
    happening in which the events were written. `clock` is the node's vector clock after it."""

    at: float
    node: str
    what: What
    words: Deferred
    clock: dict[str, int]
    cause: int | None = None
    order: str | None = None


@dataclass
class Happened:
    """What is known so far, record by record. Places count from the first thing that ever happened, also
    where older ones were forgotten."""

    told: list[Happening] = field(default_factory=list)
    forgotten: int = 0
    clocks: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    written: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    heads: dict[tuple[str, str], int] = field(default_factory=dict)
    asked: dict[int, tuple[str, str]] = field(default_factory=dict)

    def at(self, place: int) -> Happening | None:
        """What happened at that place; None where it was forgotten."""
        return self.told[place - self.forgotten] if place >= self.forgotten else None

    def since(self, moment: float) -> list[Happening]:
        """What happened from a moment on; samples come in order, so it stands at the end."""
        place = len(self.told)
        while place and self.told[place - 1].at >= moment:
            place -= 1
        return self.told[place:]

    def forget_before(self, moment: float) -> None:
        """Leaves out what was over by then."""
        kept = self.since(moment)
        self.forgotten += len(self.told) - len(kept)
        self.told = kept
        for life, written in self.written.items():
            self.written[life] = [one for one in written if one[1] >= self.forgotten] or written[-1:]

    def add(self, record: Record) -> None:
        kind, at = record["kind"], round(record["at_ns"] / 1e9, 3)
        if kind == "sample" and record["status"] is not None:
            self._sample(at, record["node"], record["status"]["heads"])
        elif kind == "op.invoke":
            self.asked[record["op"]] = (record["action"], record["node"])
        elif kind in ("op.ok", "op.fail", "op.info"):
            self._answered(at, kind, record)
        elif kind in ("event.ignored", "event.rejected"):
            words = deferred(_FALSE[kind], count=record["count"], cause=record["cause"])
            self._tell(at, record["node"], "false", words)

    def _answered(self, at: float, kind: str, record: Record) -> None:
        action, node = self.asked.pop(record["op"], ("", ""))
        if action != "order" or kind == "op.info":
            return
        if kind == "op.ok":
            order = record["response"]
            self._tell(
                at,
                node,
                "order",
                deferred("sold {number}", number=order.get("number", "")),
                order=order.get("id"),
            )
        else:
            self._tell(
                at,
                node,
                "refused",
                deferred("refused {status} {code}", status=record["status"], code=record["code"]),
            )

    def _sample(self, at: float, node: str, heads: dict[str, int]) -> None:
        for life, head in sorted(heads.items()):
            branch = life.partition("@")[0]
            last = self.written[life][-1][0] if self.written[life] else 0
            if head > last:
                words = deferred("wrote {branch} {numbers}", branch=branch, numbers=_span(last + 1, head))
                self.written[life].append((head, self._tell(at, branch, "wrote", words)))
            known = self.heads.get((node, life), 0)
            if branch != node and head > known:
                places = (place for through, place in self.written[life] if through >= head)
                cause = next(places, None)
                words = deferred("received {branch} {numbers}", branch=branch, numbers=_span(known + 1, head))
                self._tell(at, node, "received", words, cause=cause)
            self.heads[node, life] = max(head, known)

    def _tell(
        self,
        at: float,
        node: str,
        what: What,
        words: Deferred,
        *,
        cause: int | None = None,
        order: str | None = None,
    ) -> int:
        clock = self.clocks[node]
        known = self.at(cause) if cause is not None else None
        if known is not None:
            for other, count in known.clock.items():
                clock[other] = max(clock.get(other, 0), count)
        clock[node] = clock.get(node, 0) + 1
        self.told.append(Happening(at, node, what, words, dict(clock), cause, order))
        return self.forgotten + len(self.told) - 1


def _span(first: int, last: int) -> str:
    return f"{first}–{last}" if last > first else f"{first}"


def happenings(records: Iterable[Record]) -> list[Happening]:
    """Everything that happened, each thing after its causes."""
    teller = Happened()
    for record in records:
        teller.add(record)
    return [*teller.told]

"""What just happened, in plain words: the lines of a run's story, each said in either language."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.model import Band, Link, Opinion
from branchlab.checking.timeline.words import STORY, fault_in_words, told
from branchlab.language import Language

_MANY_PENDING = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_APART_SECONDS = 3.0  # nodes differ for a moment after every order
_REPEAT_SECONDS = 20.0  # the same refusal is told again no sooner


@dataclass(frozen=True)
class StoryLine:
    """One thing that happened `at` a moment of the run. `what` names its text, `facts` fill it in; `nodes`
    are those it is about."""

    at: float
    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()

    def said(self, language: Language) -> str:
        """The line in that language."""
        return STORY[language][self.what].format(
            **{name: told(value, language) for name, value in self.facts.items()}
        )


@dataclass
class _Refusals:
    """Refusals of one kind at one node since they were last told."""

    told_at: float
    since: int = 0


class Storyteller:
    """Decides what is worth a line. Every method takes what the timeline just learned."""

    def __init__(self) -> None:
        self._silent_since: dict[str, float] = {}
        self._told_pending: dict[str, int] = {}
        self._refusals: dict[tuple[str, str], _Refusals] = {}
        self._oversold: Counter[str] = Counter()
        self._result: str | None = None
        self._apart_since: float | None = None
        self._hands: dict[int, Record] = {}
        self._pending: dict[str, dict[str, float | None]] = defaultdict(dict)

    def began(self, at: float, record: Record) -> Iterator[StoryLine]:
        """A run begins."""
        yield StoryLine(at, "began", {"what": record["what"], "nodes": len(record["nodes"])})

    def broke(self, at: float, band: Band) -> Iterator[StoryLine]:
        """A fault is felt."""
        what = "seen" if band.seen else "broke"
        yield StoryLine(at, what, {"fault": fault_in_words(band.fault, band.target)}, band.nodes)

    def mended(self, at: float, band: Band) -> Iterator[StoryLine]:
        """A fault is over."""
        what = "lease_ended" if band.ended == "lease" else "mended"
        facts = {"fault": fault_in_words(band.fault, band.target), "seconds": at - band.requested}
        yield StoryLine(at, what, facts, band.nodes)

    def answered(self, at: float, node: str) -> Iterator[StoryLine]:
        """A node answered."""
        if (since := self._silent_since.pop(node, None)) is not None:
            yield StoryLine(at, "answers_again", {"node": node, "seconds": at - since}, (node,))

    def was_silent(self, at: float, node: str) -> Iterator[StoryLine]:
        """A node gave no answer."""
        if node not in self._silent_since:
            self._silent_since[node] = at
            yield StoryLine(at, "silent", {"node": node}, (node,))

    def pending(self, at: float, link: Link, count: float | None) -> Iterator[StoryLine]:
        """How much is pending on one link now."""
        sender, receiver = link
        senders = self._pending[receiver]
        senders[sender] = count
        known = [one for one in senders.values() if one is not None]
        total, told_of = int(sum(known)), self._told_pending.get(receiver, 0)
        reached = max((mark for mark in _MANY_PENDING if mark <= total), default=0)
        if reached > told_of:
            self._told_pending[receiver] = reached
            yield StoryLine(at, "pending", {"node": receiver, "count": total}, (receiver,))
        elif told_of and total == 0 and None not in senders.values():
            del self._told_pending[receiver]
            yield StoryLine(at, "drained", {"node": receiver}, (receiver,))

    def refused(self, at: float, node: str, code: str) -> Iterator[StoryLine]:
        """An order was refused: the first is told at once, more of the kind together."""
        refusals = self._refusals.get((node, code))
        if refusals is not None and at - refusals.told_at < _REPEAT_SECONDS:
            refusals.since += 1
            return
        count = 1 + (refusals.since if refusals else 0)
        self._refusals[node, code] = _Refusals(at)
        known = f"refused_{code}"
        what = known if known in STORY["en"] else "refused"
        yield StoryLine(at, what, {"node": node, "code": code, "count": count}, (node,))

    def oversold(self, at: float, node: str, units: int) -> Iterator[StoryLine]:
        """How many units a node knows to be sold too often."""
        if units > self._oversold[node]:
            yield StoryLine(at, "oversold", {"node": node, "count": units}, (node,))
        self._oversold[node] = units

    def disk_lost(self, at: float, record: Record) -> Iterator[StoryLine]:
        """A disk is gone, and with it perhaps orders."""
        facts = {"node": record["node"], "count": len(record["at_risk"])}
        yield StoryLine(at, "disk_lost", facts, (record["node"],))

    def judged(self, at: float, opinion: Opinion) -> Iterator[StoryLine]:
        """The checker's opinion, where it is another one than before."""
        if opinion.result != self._result:
            why = opinion.problems[0] if opinion.problems else ""
            facts = {"result": opinion.result, "count": opinion.acknowledged, "why": why}
            yield StoryLine(at, f"judged_{opinion.result}", facts)
        self._result = opinion.result

    def converged(self, at: float, is_converged: bool | None) -> Iterator[StoryLine]:
        """Whether all nodes agree: told when they do again."""
        if is_converged is False and self._apart_since is None:
            self._apart_since = at
        elif is_converged and self._apart_since is not None:
            if at - self._apart_since >= _APART_SECONDS:
                yield StoryLine(at, "converged", {"seconds": at - self._apart_since})
            self._apart_since = None

    def invoked(self, record: Record) -> None:
        """A person asks for something by hand."""
        if record.get("by") == "hand":
            self._hands[record["op"]] = record

    def ended(self, at: float, record: Record) -> Iterator[StoryLine]:
        """What came of it."""
        if (asked := self._hands.pop(record["op"], None)) is not None:
            end = record["kind"].removeprefix("op.")
            what = f"hand_{asked['action']}_{end}"
            facts = {"node": asked["node"], **_of_request(asked), "why": _why(record)}
            yield StoryLine(at, what if what in STORY["en"] else f"hand_{end}", facts, (asked["node"],))


def _of_request(asked: Record) -> dict[str, Any]:
    request = asked["request"]
    lines = request.get("lines") or [{"sku": request.get("sku", ""), "quantity": request.get("quantity", 0)}]
    return {
        "action": asked["action"],
        "sku": lines[0]["sku"],
        "quantity": lines[0]["quantity"],
        "order": request.get("order", ""),
    }


def _why(record: Record) -> str:
    if record["kind"] == "op.fail":
        return f"{record['status']} {record['code']}"
    return str(record.get("reason", ""))

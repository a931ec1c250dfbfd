"""Builds a timeline out of the records of a run, one after the other."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from branchlab.checking.runlog import Record
from branchlab.checking.timeline.happened import Happened
from branchlab.checking.timeline.lag import Lags
from branchlab.checking.timeline.lesson import LessonTold
from branchlab.checking.timeline.model import (
    PROMISES,
    Band,
    Link,
    NodeView,
    Opinion,
    Outcome,
    Second,
    outcome_of,
)
from branchlab.checking.timeline.questions import Question, remembered
from branchlab.checking.timeline.series import Series
from branchlab.checking.timeline.story import StoryLine, Storyteller
from branchlab.nodes.contract import Status
from branchlab.nodes.convergence import is_converged

_MOST_STORY, _LEAST_STORY = 2000, 40
_HAPPENED_SECONDS = 120.0  # of a live run: a diagram of more could not be read


class Timeline:
    """All that screens and a report show of a run, as of the last record it was given.

    now        the run's time, in seconds
    nodes      NODE → the last that is known of it
    pending    (sender, receiver) → events not yet acknowledged
    rights     NODE → units that it may sell by itself, over all products
    stock      NODE → units of the company as known there; below 0 when sold too often
    lag        p50 and p99 of how long events took, and the age of the oldest one that is still pending
    seconds    second of the run → order requests that ended in it, by outcome
    bands      faults, in the order in which they were asked for
    opinions   what the checker said: one for each change, newest words, with the moment since when
    story      what happened in plain words, the oldest first
    questions  what the class was asked, and how it voted
    retries    (sender, receiver) → how often the newest batch was tried in vain
    happened   what happened at which node, each thing after its causes
    lesson     what is told of a lesson, where the run is one

    With `keep_seconds` what is older is forgotten, so that a long session stays as small as a short one.
    """

    def __init__(self, *, keep_seconds: float | None = None) -> None:
        self.run, self.what, self.policy = "", "", ""
        self.now = 0.0
        self.began_wall: str | None = None
        self.nodes: dict[str, NodeView] = {}
        self.pending: dict[Link, Series] = {}
        self.retries: dict[Link, Series] = {}
        self.rights: dict[str, Series] = {}
        self.stock: dict[str, Series] = {}
        self.lag: dict[str, Series] = {name: Series() for name in ("p50", "p99", "oldest")}
        self.seconds: dict[int, Second] = defaultdict(Second)
        self.bands: list[Band] = []
        self.opinions: list[Opinion] = []
        self.story: list[StoryLine] = []
        self.questions: dict[int, Question] = {}
        self.lesson: LessonTold | None = None
        self.happened = Happened()
        self._keep_seconds = keep_seconds
        self._teller = Storyteller()
        self._lags = Lags()
        self._by_id: dict[int, Band] = {}
        self._asked: dict[int, tuple[str, str]] = {}
        self._forgotten_at = 0.0

    @property
    def opinion(self) -> Opinion | None:
        """The newest opinion of the checker."""
        return self.opinions[-1] if self.opinions else None

    @property
    def open_bands(self) -> list[Band]:
        """The faults that last."""
        return [band for band in self.bands if band.healed is None]

    @property
    def converged(self) -> bool | None:
        """Whether all nodes agree as of their last answers; None where one that is silent might not."""
        return is_converged({name: one.status if one.answers else None for name, one in self.nodes.items()})

    def add(self, record: Record) -> None:
        """Takes in the next record. Kinds that it does not know change nothing but the time."""
        at = self.now = max(self.now, record["at_ns"] / 1e9)
        kind = record["kind"]
        self.happened.add(record)
        if kind == "run.start":
            self._begin(at, record)
        elif kind == "sample":
            self._sample(at, record)
        elif kind == "heard":
            self._heard(at, record["node"])
        elif kind.startswith("op."):
            self._operation(at, kind.removeprefix("op."), record)
        elif kind.startswith("fault."):
            self._fault(at, kind.removeprefix("fault."), record)
        elif kind == "disk.lost":
            self.story += self._teller.disk_lost(at, record)
        elif kind == "member.gone":
            self._leave(record["node"])
        elif kind in ("verdict", "opinion"):
            self._judged(at, record)
        elif kind in ("question", "vote", "question.closed"):
            self._question(at, kind, record)
        elif kind.startswith("lesson.") or kind in ("prediction", "prediction.result", "expect"):
            self._lesson(at, kind, record)
        elif kind in ("run.followed", "run.over"):
            what = kind.replace(".", "_")
            self.story.append(StoryLine(at, what, {"run": record["run"]}))
        self._forget(at)

    def _begin(self, at: float, record: Record) -> None:
        self.run, self.what, self.policy = record["run"], record["what"], record["policy"]
        self.began_wall = record.get("wall")
        names = list(record["nodes"])
        self.nodes = {name: NodeView(name) for name in names}
        self.pending = {(one, other): Series() for one in names for other in names if one != other}
        self.retries = {link: Series() for link in self.pending}
        self.rights = {name: Series() for name in names}
        self.stock = {name: Series() for name in names}
        self.story += self._teller.began(at, record)

    def _leave(self, node: str) -> None:
        for mapping in (self.nodes, self.rights, self.stock):
            mapping.pop(node, None)
        self.pending = {link: series for link, series in self.pending.items() if node not in link}
        self.retries = {link: self.retries[link] for link in self.pending}

    def _sample(self, at: float, record: Record) -> None:
        view = self.nodes.get(record["node"])
        if view is None:
            return
        status: Status | None = record["status"]
        view.asked, view.answers, view.state = at, status is not None, record.get("state")
        if status is None:
            self.story += self._teller.was_silent(at, view.name)
            self._unknown(at, view.name)
        else:
            view.status, view.heard = status, at
            self.story += self._teller.answered(at, view.name)
            self._known(at, view.name, status)
        self.story += self._teller.converged(at, self.converged)

    def _heard(self, at: float, node: str) -> None:
        """A node said the same again: its lines go on."""
        if (view := self.nodes.get(node)) is None:
            return
        view.asked = at
        if view.answers:
            view.heard = at
        for link, series in self.pending.items():
            if link[0] == node:
                series.seen = at
        self.rights[node].seen = self.stock[node].seen = at

    def _unknown(self, at: float, node: str) -> None:
        for link, series in self.pending.items():
            if link[0] == node:
                series.add(at, None)
                self.retries[link].add(at, None)
        self.rights[node].add(at, None)
        self.stock[node].add(at, None)

    def _known(self, at: float, node: str, status: Status) -> None:
        for (sender, receiver), series in self.pending.items():
            if sender == node:
                count = status["pending"].get(receiver)
                series.add(at, count)
                peer = status["peers"].get(receiver)
                self.retries[sender, receiver].add(at, peer["attempts"] if peer is not None else None)
                self.story += self._teller.pending(at, (sender, receiver), count)
        self.rights[node].add(at, status["stock"].get("here"))
        oversold = status["stock"].get("oversold")
        if oversold:
            self.stock[node].add(at, -oversold)
        else:
            self.stock[node].add(at, status["stock"].get("available"))
        self.story += self._teller.oversold(at, node, oversold or 0)
        self._lags.add(node, at, status["heads"])
        p50, p99 = self._lags.percentiles()
        self.lag["p50"].add(at, p50)
        self.lag["p99"].add(at, p99)
        self.lag["oldest"].add(at, self._oldest())

    def _oldest(self) -> float | None:
        """The age of the oldest event that any node that answers still holds for a peer; 0 where none does,
        None where no node answers."""
        answering = [one.status for one in self.nodes.values() if one.answers and one.status is not None]
        ages = [peer["oldest_pending_seconds"] or 0.0 for one in answering for peer in one["peers"].values()]
        return max(ages, default=None)

    def _operation(self, at: float, end: str, record: Record) -> None:
        if end == "invoke":
            self._asked[record["op"]] = (record["action"], record["node"])
            self._teller.invoked(record)
            return
        action, node = self._asked.pop(record["op"], ("", ""))
        if action == "order":
            outcome: Outcome = outcome_of(record)
            self.seconds[int(at)].outcomes[outcome] += 1
            if end == "fail" and node:
                self.story += self._teller.refused(at, node, str(record["code"]))
        self.story += self._teller.ended(at, record)

    def _fault(self, at: float, stage: str, record: Record) -> None:
        if stage == "requested":
            band = Band(
                id=record["id"],
                fault=record["fault"],
                target=record["target"],
                requested=at,
                lease_seconds=record.get("lease_seconds"),
                seen=record.get("seen", False),
            )
            self.bands.append(band)
            self._by_id[band.id] = band
        elif (known := self._by_id.get(record["id"])) is not None:
            if stage == "active":
                known.active = at
                self.story += self._teller.broke(at, known)
            elif stage == "healed" and known.healed is None:
                known.healed, known.ended = at, record.get("by", "healed")
                self.story += self._teller.mended(at, known)

    def _judged(self, at: float, record: Record) -> None:
        opinion = Opinion(
            at=at,
            result=record["result"],
            promises={name: record.get("promises", {}).get(name) for name in PROMISES},
            problems=tuple(record.get("problems", ())),
            acknowledged=record.get("acknowledged", 0),
            is_final=record["kind"] == "verdict",
        )
        self.story += self._teller.judged(at, opinion)
        last = self.opinion
        if last is not None and (last.result, last.promises) == (opinion.result, opinion.promises):
            self.opinions[-1] = replace(opinion, at=last.at)
        else:
            self.opinions.append(opinion)

    def _question(self, at: float, kind: str, record: Record) -> None:
        if kind == "question":
            question = Question.of_record(at, record)
            self.questions[question.id] = question
            self.story.append(StoryLine(at, "question", {"text": question.texts or question.text}))
        elif (known := self.questions.get(record["question"])) is not None:
            if kind == "vote":
                known.vote(record["voter"], record["choice"])
            else:
                known.closed = at
                self.story.append(StoryLine(at, "question_closed", {"count": len(known.votes)}))

    def _lesson(self, at: float, kind: str, record: Record) -> None:
        self.lesson = self.lesson or LessonTold()
        self.lesson.add(at, record)
        if kind == "lesson.step":
            step = self.lesson.steps[-1]
            facts = {"number": step.number, "of": step.of, "step": step.said}
            self.story.append(StoryLine(at, "lesson_step", facts))

    def _forget(self, at: float) -> None:
        """Leaves out what is too old, now and then."""
        if self._keep_seconds is None or at - self._forgotten_at < self._keep_seconds / 10:
            return
        self._forgotten_at, before = at, at - self._keep_seconds
        for mapping in (self.pending, self.retries, self.rights, self.stock, self.lag):
            for series in mapping.values():
                series.forget_before(before)
        self.happened.forget_before(at - min(_HAPPENED_SECONDS, self._keep_seconds))
        for second in [one for one in self.seconds if one < before]:
            del self.seconds[second]
        self.bands = [band for band in self.bands if band.healed is None or band.healed >= before]
        self._by_id = {band.id: band for band in self.bands}
        last = self.opinions[-1:]
        self.opinions = [one for one in self.opinions[:-1] if one.at >= before] + last
        newest = self.story[-_LEAST_STORY:]
        older = self.story[:-_LEAST_STORY][-_MOST_STORY:]
        self.story = [line for line in older if line.at >= before] + newest
        self.questions = remembered(self.questions, before)


def timeline_of(records: Iterable[Record], *, until: float | None = None) -> Timeline:
    """The timeline of a run, whole or as it was `until` a moment of it (in seconds)."""
    timeline = Timeline()
    for record in records:
        if until is not None and record["at_ns"] / 1e9 > until:
            break
        timeline.add(record)
    return timeline

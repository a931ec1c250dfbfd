"""What happened when, in words, from the run log."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from branchlab.checking.runlog import Record
from branchlab.language import _

_MOST_LINES = 60
_STEPS_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_SHOWN = ("ok", "fail", "info")


@dataclass
class _Fault:
    words: str
    began: float
    ended: float | None = None

    def __str__(self) -> str:
        seconds = _("to the end") if self.ended is None else f"{self.ended - self.began:.1f} s"
        return f"{self.words} ({seconds})"


@dataclass
class _Events:
    """Seconds at which requests ended, by outcome, and the faults that were felt."""

    outcomes: list[tuple[float, str]] = field(default_factory=list)
    faults: dict[int, _Fault] = field(default_factory=dict)
    _requested: dict[int, str] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        kind, at = record["kind"], record["at_ns"] / 1e9
        if kind.startswith("op.") and kind != "op.invoke":
            self.outcomes.append((at, kind.removeprefix("op.")))
        elif kind == "fault.requested":
            self._requested[record["id"]] = f"{record['fault']} {record['target']}"
        elif kind == "fault.active":
            self.faults[record["id"]] = _Fault(self._requested[record["id"]], at)
        elif kind == "fault.healed" and record["id"] in self.faults:
            self.faults[record["id"]].ended = at


def timeline(records: Iterable[Record]) -> list[str]:
    """A line for each stretch of time: how many requests were answered, refused or left open, and the faults
    that began in it, with how long they lasted."""
    events = _Events()
    for record in records:
        events.add(record)
    return list(_lines(events))


def _lines(events: _Events) -> Iterator[str]:
    last = max([at for at, _ in events.outcomes] + [one.began for one in events.faults.values()], default=0.0)
    step = next((each for each in _STEPS_SECONDS if last / each < _MOST_LINES), _STEPS_SECONDS[-1])
    counts: Counter[tuple[int, str]] = Counter((int(at // step), outcome) for at, outcome in events.outcomes)
    for row in range(int(last // step) + 1):
        ok, fail, info = (counts[row, outcome] for outcome in _SHOWN)
        began = [str(one) for one in events.faults.values() if int(one.began // step) == row]
        minutes, seconds = divmod(row * step, 60)
        head = _(
            "{minutes:3d}:{seconds:02d}  {ok:5d} done {fail:4d} refused {info:4d} open",
            minutes=minutes,
            seconds=seconds,
            ok=ok,
            fail=fail,
            info=info,
        )
        yield f"{head}  {', '.join(began)}".rstrip()

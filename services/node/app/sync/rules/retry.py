"""What a sender does after a peer's answer, and how long it pauses before the next attempt. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "backing_off", "blocked", "needs_snapshot", "unknown"]


@dataclass(frozen=True)
class Answer:
    """The parts of a peer's answer that a sender needs. `status` is None when no answer came.

    `position` is the seq up to which the peer has the sender's epoch, and `event_id` its event there; None
    where it reports none. `ahead` are the versions of newer rows of that epoch, by product id. When the peer
    knows that epoch to be over, `living` are the epochs of the sender's branch that are not.
    """

    status: int | None
    code: str | None = None
    position: int | None = None
    event_id: str | None = None
    living: tuple[str, ...] = ()
    ahead: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Advance:
    """Move the peer's cursor to `position`, which may be further back."""

    position: int


@dataclass(frozen=True)
class Retry:
    """Try the same batch again later. The head of the queue is never skipped."""

    state: State
    reason: str
    hello_first: bool = False


def decide(answer: Answer) -> Advance | Retry:
    """What the sender of a batch does next. Only a position acknowledges a batch; a bare 2xx does not."""
    reason = f"{answer.status} {answer.code or ''}".strip()
    if answer.status is None:
        return Retry("backing_off", answer.code or "no answer", hello_first=True)
    match answer:
        case Answer(status=200, position=int(position)) | Answer(code="gap", position=int(position)):
            return Advance(position)
        case Answer(code="wrong_epoch"):
            # The peer lives another life; only hello tells which, and where it stands.
            return Retry("backing_off", reason, hello_first=True)
    if answer.status == 410:
        return Retry("needs_snapshot", reason)
    if answer.status in (200, 429) or answer.status >= 500:
        return Retry("backing_off", reason)
    # The peer refuses for good: shown with its reason, and retried, since people may mend it over there.
    return Retry("blocked", reason, hello_first=True)


def pause_seconds(attempt: int, *, base: float, cap: float, chance: float) -> float:
    """The pause in seconds after the failed attempt number `attempt`, counted from 1.

    It grows exponentially from `base` up to `cap`. `chance`, uniform in [0, 1), adds full jitter, so that
    nodes that failed together do not retry together.
    """
    ceiling = min(cap, base * 2.0 ** min(attempt - 1, 30))
    return chance * ceiling

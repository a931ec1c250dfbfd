"""What to do after a peer's answer: a pure decision, and the pause before the next attempt."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "backing_off", "blocked", "needs_snapshot", "unknown"]


@dataclass(frozen=True)
class Answer:
    """A peer's answer as far as the sender needs it. `status` is None when none came; `position` and
    `event_id` are the seq it reports for the sender's epoch and the event it has there, if it does. When it
    knows that epoch to be over, `living` are those of the sender's branch that it does not."""

    status: int | None
    code: str | None = None
    position: int | None = None
    event_id: str | None = None
    living: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advance:
    """Move the peer's cursor to `position`, which may be backwards."""

    position: int


@dataclass(frozen=True)
class Retry:
    """Try the same again later; the head of the queue is never skipped."""

    state: State
    reason: str
    hello_first: bool = False


def decide(answer: Answer) -> Advance | Retry:
    """What the sender of a batch does next. A bare 2xx is no acknowledgement: only a position is."""
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
    """The pause after failed attempt number `attempt` (from 1): exponential from `base`, capped, with full
    jitter (`chance` uniform in [0, 1)), so that nodes that failed together do not come back together."""
    ceiling = min(cap, base * 2.0 ** min(attempt - 1, 30))
    return chance * ceiling

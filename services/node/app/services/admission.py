"""The lanes of a node: what is under way, waits for a turn, or is refused. Used on the event loop only."""

import asyncio
from collections import deque
from collections.abc import Mapping
from random import Random

from app.domain import admission
from app.domain.admission import LONG_QUEUE, Bounds, LaneName, Load, Pace
from app.domain.errors import CallerGone, Overloaded
from app.runtime import Clock, wait


class Pass:
    """A request's way through a lane: admitted, under way, perhaps aside, gone through. It is the `Caller` of
    its command."""

    def __init__(self, lane: "Lane", *, size: int, now: float, alone: bool) -> None:
        self.gone = False
        self.size = size
        self.admitted_at = now
        self.alone = alone
        self.position = 0  # in the queue, when it came
        self._lane = lane
        self._may_begin = False
        self._turn: asyncio.Event | None = None  # of one that waits for it: most need not
        self._holds = False  # a place of the lane
        self._aside = False

    @property
    def holds(self) -> bool:
        """Whether it has a place of its lane."""
        return self._holds

    async def begin(self) -> None:
        """Return when it is this request's turn. Raises CallerGone, and Overloaded after too long a wait."""
        if not self._may_begin:
            self._turn = asyncio.Event()
            await wait(self._turn, self._lane.bounds.longest_wait)
        if self.gone:
            raise CallerGone
        if not self._holds:
            raise self._lane.refusal()

    def step_aside(self) -> None:
        if self._holds and self._lane.let_aside():
            self._holds, self._aside, self.alone = False, True, False

    def leave(self) -> None:
        """End it. A second call does nothing."""
        self._lane.end(self, held=self._holds, aside=self._aside)
        self._holds = self._aside = False

    def start(self) -> None:
        """Give it its place (for its lane)."""
        self._holds = self._may_begin = True
        if self._turn is not None:
            self._turn.set()


class Lane:
    """The requests of one kind. Places are given in the order of arrival: nobody who waits is overtaken."""

    def __init__(self, bounds: Bounds, *, clock: Clock, random: Random) -> None:
        self.bounds = bounds
        self._clock = clock
        self._random = random
        self._pace = Pace()
        self._under_way = 0
        self._aside = 0
        self._waiting: deque[Pass] = deque()
        self._waiting_bytes = 0
        self._turn: float | None = None  # what each in the queue takes
        self._calm_at = 0.0
        self._refused = 0.0  # the share of those who came lately
        self._full_at: float | None = None  # when it was full, and how many have ended since
        self._ended = 0

    @property
    def pace(self) -> Pace:
        """How fast it works, as far as that was measured."""
        return self._pace

    def admit(self, *, size: int) -> Pass:
        """Let a request in, at once or into the queue. Raises Overloaded."""
        verdict = self._judge(size)
        if verdict == "refuse":
            raise self.refusal()
        now = self._clock.monotonic()
        self._refused = admission.share_after(self._refused, refused=False)
        made = Pass(self, size=size, now=now, alone=self._under_way == 0)
        if verdict == "begin":
            self._turn = None  # the next queue may be of quicker requests than the last one
            self._start(made)
        else:
            self._measure_full(now)
            self._waiting.append(made)
            made.position = len(self._waiting)
            self._waiting_bytes += size
        return made

    def refuses(self, *, size: int) -> bool:
        """Whether a request would be refused now."""
        return self._judge(size) == "refuse"

    def refusal(self) -> Overloaded:
        """Note that a request is refused, and say for how long it should stay away."""
        self._strain()
        return Overloaded(admission.retry_after(self._random.random()))

    def turns_away(self) -> bool:
        """Whether a client that was told to stay away comes back while others are refused, which is noted."""
        is_refused = self.refuses(size=0)
        if is_refused:
            self._strain()
        return is_refused

    def let_aside(self) -> bool:
        """Free the place of a request that waits for others, if there are not too many of those."""
        if self._aside >= self.bounds.aside:
            return False
        self._aside += 1
        self._under_way -= 1
        self._go_on()
        return True

    def end(self, one: Pass, *, held: bool, aside: bool) -> None:
        """Count a request off, and let the next one begin."""
        if held:
            self._measure(one)
            self._under_way -= 1
        elif aside:
            self._aside -= 1
        elif one in self._waiting:
            self._waiting.remove(one)
            self._waiting_bytes -= one.size
        self._go_on()

    def _strain(self) -> None:
        now = self._clock.monotonic()
        self._calm_at = now + admission.CALM_SECONDS
        self._refused = admission.share_after(self._refused, refused=True)
        self._measure_full(now)

    def _judge(self, size: int) -> admission.Verdict:
        return admission.judge(self._load(), self.bounds, self._pace, size=size)

    def _load(self) -> Load:
        now = self._clock.monotonic()
        strained = now < self._calm_at
        refused = self._refused if strained else 0.0
        return Load(
            self._under_way, len(self._waiting), self._waiting_bytes, strained, refused, self._turn_now(now)
        )

    def _turn_now(self, now: float) -> float | None:
        """What each in the queue takes, as far as that is known: not less than what its oldest waits for."""
        if not self._waiting or not self.bounds.stands:
            return None
        oldest = self._waiting[0]
        return max(self._turn or 0.0, (now - oldest.admitted_at) / max(oldest.position, LONG_QUEUE))

    def _start(self, one: Pass) -> None:
        self._under_way += 1
        one.start()

    def _go_on(self) -> None:
        refused = self._load().refused
        while self._waiting and self._under_way < admission.places(self.bounds, self._pace, refused=refused):
            following = self._waiting.popleft()
            self._waiting_bytes -= following.size
            if not following.gone:
                if self.bounds.stands:
                    self._note_turn(following)
                self._start(following)

    def _note_turn(self, one: Pass) -> None:
        waited = self._clock.monotonic() - one.admitted_at
        self._turn = admission.turn_after(self._turn, waited, position=one.position)

    def _measure(self, one: Pass) -> None:
        if one.alone and self._under_way == 1:
            self._pace = self._pace.took_alone(self._clock.monotonic() - one.admitted_at)
            self._full_at = None  # nobody presses any more
        self._ended += 1

    def _measure_full(self, now: float) -> None:
        """Somebody finds the lane full: measure how many ended since that was so before. Ends come by the
        group, so the time between two of them says nothing."""
        since = self._full_at
        if since is not None and (now - since < admission.FULL_SECONDS or not self._ended):
            return
        if since is not None:
            each = (now - since) / self._ended
            self._pace = self._pace.ended_after(each, under_way=self._under_way)
        self._full_at, self._ended = now, 0


class Admission:
    """Every lane of a node, by name."""

    def __init__(self, bounds: Mapping[LaneName, Bounds], *, clock: Clock, random: Random) -> None:
        self._lanes = {name: Lane(bounds[name], clock=clock, random=random) for name in admission.LANES}

    def lane(self, name: LaneName) -> Lane:
        return self._lanes[name]

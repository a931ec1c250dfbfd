"""Link faults one by one, over a wire that only counts, in virtual time."""

from collections.abc import Mapping
from random import Random

import pytest

from app.faults.faulty_transport import FaultyTransport
from app.faults.link_faults import Cut, Duplicate, Flaky, LinkFault, Reorder, Slow, settings_of
from app.sync.peering.transport import Response
from app.sync.wire.errors import Unreachable
from tests.support.virtual import VirtualClock, eventually

pytestmark = pytest.mark.anyio

NORTE, SUL = "http://norte:8000", "http://sul:8000"
LEASE = 3600.0


class Wire:
    """A transport that delivers everything at once and remembers what arrived when, and with how much
    patience left."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.arrived: list[bytes] = []
        self.times: list[float] = []
        self.patience: list[float] = []
        self.closed = False

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str], patience: float) -> Response:
        self.arrived.append(body)
        self.times.append(self._clock.monotonic())
        self.patience.append(patience)
        return Response(status=200, body=b"answer to " + body)

    async def close(self) -> None:
        self.closed = True


class Link:
    """A gate over a wire, with calls to one peer that are numbered from 1."""

    def __init__(self, *faults: LinkFault, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.wire = Wire(self.clock)
        addresses = [("norte", NORTE), ("sul", SUL)]
        self.gate = FaultyTransport(
            self.wire,
            addresses=addresses,
            clock=self.clock,
            random=Random(7),
            sign_again=lambda token: f"{token}, again",
        )
        for fault in faults:
            self.gate.put("norte", fault, lease_seconds=LEASE, seed=seed)
        self._calls = 0

    async def call(self, *, to: str = NORTE, patience: float = 5.0) -> bool:
        """Whether the call was answered."""
        self._calls += 1
        body = str(self._calls).encode()
        try:
            answer = await self.gate.post(f"{to}/replica/event", body=body, headers={}, patience=patience)
        except Unreachable:
            return False
        assert answer.body == b"answer to " + body
        return True

    async def calls(self, number: int) -> list[bool]:
        return [await self.call() for _ in range(number)]

    @property
    def counted(self) -> tuple[int, int]:
        """How many calls met the fault, and how many it did not leave alone."""
        (lease,) = self.gate.active()
        return lease.counts.calls, lease.counts.hits


async def test_without_a_fault_every_call_passes_unchanged() -> None:
    link = Link()
    assert await link.calls(3) == [True] * 3
    assert link.wire.patience == [5.0] * 3


async def test_a_cut_fails_at_once_and_nothing_arrives() -> None:
    link = Link(Cut())
    assert await link.calls(3) == [False] * 3
    assert (link.wire.arrived, link.clock.monotonic(), link.counted) == ([], 0.0, (3, 3))


async def test_a_cut_may_hang_but_no_longer_than_its_sender_waits() -> None:
    link = Link(Cut(hang_seconds=2.0))
    await link.call(patience=5.0)
    assert link.clock.monotonic() == 2.0
    await link.call(patience=0.5)
    assert link.clock.monotonic() == 2.5


async def test_a_cut_concerns_one_peer_only() -> None:
    link = Link(Cut())
    assert await link.call(to=SUL) is True
    assert link.counted == (0, 0)


async def test_a_peer_whose_address_begins_like_another_is_another() -> None:
    link = Link(Cut())
    assert await link.call(to=NORTE + "1") is True


async def test_a_slow_link_delays_within_its_jitter_and_takes_it_from_the_patience() -> None:
    link = Link(Slow(delay_seconds=0.8, jitter_seconds=0.2))
    assert await link.calls(50) == [True] * 50
    delays = [5.0 - left for left in link.wire.patience]
    assert all(0.6 <= delay <= 1.0 for delay in delays)
    assert max(delays) - min(delays) > 0.3


async def test_on_a_link_slower_than_its_sender_waits_the_call_arrives_late() -> None:
    link = Link(Slow(delay_seconds=3.0))
    assert await link.call(patience=1.0) is False
    assert (link.wire.arrived, link.clock.monotonic()) == ([], 1.0)
    await eventually(lambda: link.wire.arrived)
    assert link.wire.times == pytest.approx([3.0])


async def test_jitter_never_goes_back_in_time() -> None:
    link = Link(Slow(delay_seconds=0.1, jitter_seconds=10.0))
    await link.calls(50)
    assert max(link.wire.patience) == 5.0


async def test_a_flaky_link_loses_its_share_half_of_it_after_arrival() -> None:
    link = Link(Flaky(loss=0.3))
    answered = await link.calls(1000)
    lost = answered.count(False)
    assert 250 < lost < 350
    assert link.counted == (1000, lost)
    lost_answers = len(link.wire.arrived) - answered.count(True)
    assert 0.3 * lost < lost_answers < 0.7 * lost


async def test_the_same_seed_loses_the_same_calls_and_another_does_not() -> None:
    first, again, other = (Link(Flaky(loss=0.5), seed=seed) for seed in (4, 4, 5))
    patterns = [await link.calls(50) for link in (first, again, other)]
    assert patterns[0] == patterns[1] != patterns[2]


async def test_a_duplicated_call_arrives_again_after_its_answer() -> None:
    link = Link(Duplicate(copies=2))
    assert await link.call() is True
    await eventually(lambda: link.wire.arrived == [b"1"] * 3)


async def test_a_held_back_call_arrives_after_the_next_one() -> None:
    link = Link(Reorder(chance=1.0, hold_seconds=60.0))
    assert await link.calls(2) == [False, True]
    await eventually(lambda: link.wire.arrived == [b"2", b"1"], within=1.0)
    assert link.counted == (2, 1)


async def test_a_held_back_call_waits_no_longer_than_told() -> None:
    link = Link(Reorder(chance=1.0, hold_seconds=2.0))
    assert await link.call() is False
    await eventually(lambda: link.wire.arrived == [b"1"], within=10.0)
    assert link.wire.times == [2.0]


async def test_a_held_back_call_is_not_lost_when_the_fault_is_lifted() -> None:
    link = Link(Reorder(chance=1.0, hold_seconds=2.0))
    await link.call()
    link.gate.lift()
    await eventually(lambda: link.wire.arrived == [b"1"], within=10.0)


async def test_faults_of_several_kinds_add_up() -> None:
    link = Link(Slow(delay_seconds=1.0), Duplicate())
    assert await link.call() is True
    await eventually(lambda: link.wire.arrived == [b"1"] * 2)
    assert link.wire.times[0] == 1.0


async def test_a_second_fault_of_a_kind_replaces_the_first() -> None:
    link = Link(Slow(delay_seconds=1.0), Slow(delay_seconds=2.0))
    await link.call()
    assert link.wire.times == [2.0]


async def test_a_fault_ends_with_its_lease_by_itself() -> None:
    link = Link()
    link.gate.put("norte", Cut(), lease_seconds=10.0)
    await link.clock.sleep(9.9)
    assert await link.call() is False
    await link.clock.sleep(0.1)
    assert await link.call() is True
    assert link.gate.active() == []


async def test_lifting_ends_one_links_faults_or_all_and_may_be_repeated() -> None:
    link = Link(Cut())
    link.gate.put("sul", Cut(), lease_seconds=LEASE)
    assert [lease.peer for lease in link.gate.lift("norte")] == ["norte"]
    assert (await link.call(), await link.call(to=SUL)) == (True, False)
    assert [lease.peer for lease in link.gate.lift()] == ["sul"]
    assert link.gate.lift() == []
    assert await link.call(to=SUL) is True


async def test_what_is_shown_has_the_settings_their_units_and_the_seed() -> None:
    link = Link()
    link.gate.put("sul", Flaky(loss=0.3), lease_seconds=60.0, seed=11)
    link.gate.put("norte", Reorder(), lease_seconds=60.0, seed=12)
    assert [
        (lease.peer, lease.fault.kind, settings_of(lease.fault), lease.seed, lease.seconds)
        for lease in link.gate.active()
    ] == [
        ("norte", "reorder", {"chance": 0.5, "hold_seconds": 2.0}, 12, 60.0),
        ("sul", "flaky", {"loss": 0.3}, 11, 60.0),
    ]


async def test_without_a_seed_the_gate_draws_one_from_the_nodes_own_chance() -> None:
    seeds = []
    for _ in range(2):
        link = Link()
        seeds.append(link.gate.put("norte", Flaky(loss=0.5), lease_seconds=LEASE).seed)
    assert seeds[0] == seeds[1]


async def test_a_probe_tells_how_a_call_fares() -> None:
    link = Link(Slow(delay_seconds=0.5))
    probe = await link.gate.probe("norte", patience=2.0)
    assert (probe.answered, probe.seconds, probe.error) == (True, 0.5, None)
    link.gate.put("norte", Cut(), lease_seconds=LEASE)
    cut = await link.gate.probe("norte", patience=2.0)
    assert (cut.answered, cut.error) == (False, "the lab cut this link")


async def test_closing_drops_what_is_under_way() -> None:
    link = Link(Reorder(chance=1.0, hold_seconds=60.0))
    await link.call()
    await link.gate.close()
    assert (link.wire.arrived, link.wire.closed) == ([], True)

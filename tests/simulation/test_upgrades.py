"""Networks that are upgraded while they are used: what only the next version reads is parked, then read."""

from pathlib import Path
from unittest import mock

import pytest

from app.sync import parking
from app.sync.events import WireEvent
from tests.simulation import versions
from tests.simulation.history import play
from tests.simulation.plan import UPGRADE, draw

SEEDS = [seed for seed in range(300) if UPGRADE in draw(seed).faults and "poison" not in draw(seed).faults]


@pytest.mark.parametrize("breaks", [False, True])
def test_a_history_in_which_branches_are_upgraded_keeps_every_promise(template: Path, breaks: bool) -> None:
    """Whether or not the next version has a protocol version in common with this one."""
    for seed in (seed for seed in SEEDS if draw(seed).breaks == breaks):
        with mock.patch.object(parking, "park", wraps=parking.park) as park:
            result = play(seed, template=template)
        assert result.violations == []
        if result.faults.get(UPGRADE) and (park.called or breaks):
            return
    pytest.fail("no branch was upgraded before the others")


def test_an_event_of_the_next_version_is_the_same_whenever_it_is_sent() -> None:
    events = [
        WireEvent(
            seq=n, event_id=f"{n}", kind="order_created", entity="o", schema_version=1, lamport=n, body={}
        )
        for n in range(1, 41)
    ]
    newer = [versions.newer(event) for event in events]

    assert newer == [versions.newer(event) for event in events]
    assert {event.kind for event in newer} == {"order_created", "order_created.2"}
    assert {event.schema_version for event in newer} == {1, 2}

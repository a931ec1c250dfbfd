"""Messages that changed on their way: damaged ones are refused, foreign ones are parked and read later."""

import json
from pathlib import Path
from random import Random

from app.security.replica_tokens import ReplicaTokens
from app.sync.wire.kinds import KINDS
from tests.simulation.history import play
from tests.simulation.machines import tampering
from tests.simulation.plan import draw
from tests.support.network import REPLICA_SECRET

BATCH = json.dumps(
    {
        "epoch": "e",
        "events": [{"kind": kind, "schema_version": 1, "body": {"id": 1}} for kind in sorted(KINDS)],
    }
).encode()


def test_a_damaged_message_is_never_what_was_sent() -> None:
    damaged = [tampering.damage(BATCH, Random(seed)) for seed in range(100)]

    assert BATCH not in damaged
    assert {len(body) < len(BATCH) for body in damaged} == {True, False}


def test_one_event_of_a_batch_is_spoiled_and_the_others_are_as_they_were() -> None:
    for seed in range(100):
        body = tampering.poison(BATCH, Random(seed))
        assert body is not None
        before, after = json.loads(BATCH)["events"], json.loads(body)["events"]
        assert sum(one != other for one, other in zip(before, after, strict=True)) == 1

    assert tampering.poison(b'{"events": []}', Random(1)) is None


def test_a_rewritten_message_is_signed_as_its_sender_would_sign_it() -> None:
    headers = tampering.signed("norte", "sul", tampering.EVENTS, BATCH, {}, now=100.0)

    receiver = ReplicaTokens(name="sul", secret=REPLICA_SECRET)
    claims = receiver.verify(
        headers["x-replica-token"], method="POST", path=tampering.EVENTS, body=BATCH, now=100.0
    )
    assert (claims.sender, claims.epoch) == ("norte", "e")


def test_the_next_version_knows_every_event_that_this_one_parks() -> None:
    with tampering.upgraded():
        assert {f"{kind}{tampering.NEWER}" for kind in KINDS if "." not in kind} <= set(KINDS)

    assert not any(kind.endswith(tampering.NEWER) for kind in KINDS)


def test_a_history_with_spoiled_and_damaged_messages_keeps_every_promise(template: Path) -> None:
    seed = next(seed for seed in range(1000) if {"poison", "damage"} <= set(draw(seed).faults))

    assert play(seed, template=template).violations == []

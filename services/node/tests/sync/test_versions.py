"""Nodes of neighbouring versions: what a newer one says is taken as far as it is understood, and kept."""

import json

import pytest

from app.sync import events, parking
from app.sync.events import Batch
from tests.support.branch import ACTOR, Branches


def test_fields_and_event_versions_of_a_newer_peer_stop_nothing_and_apply_after_the_upgrade(
    branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = branches.make("matriz"), branches.make("norte")
    new.customer("ALFKI")
    new.product("rice")
    new.adjust("rice", 5)
    new.place("ALFKI", ("rice", 1))
    batch = new.batch_for(old)
    assert batch is not None
    said = json.loads(batch.model_dump_json())
    said["compression"] = "zstd"
    for event in said["events"]:
        event["trace"] = "a field of a later version"
    said["events"][-1]["schema_version"] = events.SCHEMA_VERSION + 1

    receipt = old.receive(Batch.model_validate_json(json.dumps(said)))

    assert (receipt.position, receipt.parked) == (batch.through, 1)
    (parked,) = old.parked()
    assert json.loads(parked["body"])["trace"] == "a field of a later version"
    old.customer("BONAP")
    old.send(new)
    monkeypatch.setattr(parking, "SCHEMA_VERSION", events.SCHEMA_VERSION + 1)
    assert old.do(lambda tx: parking.replay(tx, actor=ACTOR)) == {"applied": 1, "left": 0}
    assert old.digest() == new.digest()

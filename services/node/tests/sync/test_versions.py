"""Nodes of neighbouring versions: what a newer one says is taken as far as it is understood, and kept."""

import json

import pytest

from app.sync import replication
from app.sync.log import dead_letters
from app.sync.wire import kinds, messages
from app.sync.wire.messages import PROTOCOL, Batch, common_version
from tests.support.branch import ACTOR, Branches
from tests.support.company import Company, buy, customer, stock
from tests.support.virtual import VirtualClock, eventually

NAMES = ("matriz", "norte", "sul")
A_MINUTE = 60.0
FEWEST_SECONDS = 0.1  # between two hellos of one node to another: the base of its pauses


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
    said["events"][-1]["schema_version"] = messages.SCHEMA_VERSION + 1

    receipt = old.receive(Batch.model_validate_json(json.dumps(said)))

    assert (receipt.position, receipt.parked) == (batch.through, 1)
    (parked,) = old.parked()
    assert json.loads(parked["body"])["trace"] == "a field of a later version"
    old.customer("BONAP")
    old.send(new)
    monkeypatch.setattr(kinds, "SCHEMA_VERSION", messages.SCHEMA_VERSION + 1)
    assert old.do(lambda tx: dead_letters.replay(tx, actor=ACTOR)) == {"applied": 1, "left": 0}
    assert old.digest() == new.digest()


@pytest.mark.parametrize(
    ("ours", "theirs", "spoken"),
    [
        ((1, 1), (1, 1), 1),
        ((1, 2), (1, 1), 1),
        ((1, 2), (2, 2), 2),
        ((1, 3), (2, 5), 3),
        ((1, 1), (2, 2), None),
    ],
)
def test_the_highest_version_that_both_know_is_spoken(
    ours: tuple[int, int], theirs: tuple[int, int], spoken: int | None
) -> None:
    assert (common_version(ours, theirs), common_version(theirs, ours)) == (spoken, spoken)


async def restart(
    company: Company, name: str, protocol: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Start a node again as a version that speaks these."""
    await company.stop(name)
    with monkeypatch.context() as patched:
        patched.setattr(replication, "PROTOCOL", protocol)
        node = await company.start(name, peers=NAMES)
    await eventually(lambda: node.ready)


async def shown(company: Company, name: str, peer: str) -> tuple[str, int | None, str]:
    """How a node says it stands with a peer: state, version spoken, last error."""
    found = (await company[name].status()).peers[peer]
    return found.state, found.protocol, found.last_error or ""


@pytest.mark.whole
@pytest.mark.anyio
async def test_nodes_without_a_common_version_wait_for_an_upgrade_and_say_why(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The middle one speaks with both; what the other two have for each other waits, and nobody spins."""
    await company.found(*NAMES)
    await customer(company["matriz"])
    await stock(company["matriz"], "rice", 90, share="equal")
    await eventually(company.converged)
    await restart(company, "matriz", (PROTOCOL[0], 2), monkeypatch)
    await restart(company, "sul", (2, 2), monkeypatch)
    await eventually(lambda: company["matriz"].peers.get("sul") is not None)
    began = {
        link: len(company.network.sent(*link, "/replica/hello"))
        for link in (("norte", "sul"), ("sul", "norte"))
    }
    for name in NAMES:
        await buy(company[name], "rice", 1)
    await VirtualClock().sleep(A_MINUTE)
    assert await shown(company, "matriz", "norte") == ("ok", 1, "")
    assert await shown(company, "matriz", "sul") == ("ok", 2, "")
    for link in (("norte", "sul"), ("sul", "norte")):
        state, spoken, error = await shown(company, *link)
        assert (state, spoken) == ("blocked", None)
        assert "no_common_protocol" in error
        assert (await company[link[0]].status()).pending[link[1]]
        hellos = len(company.network.sent(*link, "/replica/hello")) - began[link]
        assert 1 < hellos <= A_MINUTE / FEWEST_SECONDS
        assert not company[link[0]].peers.lives_heard_from()[1:]
    await restart(company, "norte", (PROTOCOL[0], 2), monkeypatch)
    await eventually(company.converged, within=60)
    assert await shown(company, "norte", "sul") == ("ok", 2, "")
    assert await shown(company, "sul", "norte") == ("ok", 2, "")


@pytest.mark.anyio
async def test_a_peer_with_another_schema_is_shown_and_stops_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    await company.found("matriz", "norte")
    await company.stop("norte")
    with monkeypatch.context() as patched:
        patched.setattr(replication, "newest_revision", lambda: "9999")
        norte = await company.start("norte", peers=("matriz", "norte"))
    await eventually(lambda: norte.ready)
    await customer(norte)
    await stock(norte, "rice", 2)
    await eventually(company.converged)
    told = (await company["matriz"].status()).peers["norte"]
    assert (told.schema, told.another_schema, told.state) == ("9999", True, "ok")

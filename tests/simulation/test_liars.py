"""Histories in which a member lies: it lies in every way, and the others neither oversell nor stop."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.security.replica_tokens import ReplicaTokens
from app.sync.peering.transport import Response
from tests.simulation.history import play
from tests.simulation.journal import Journal
from tests.simulation.lying import lies
from tests.simulation.lying.heard import Heard
from tests.simulation.lying.liar import Liar
from tests.simulation.lying.telling import EVENT, HELLO, SEAL, SNAPSHOT, TOTALS, TRANSFER, Telling
from tests.simulation.plan import LIES, MOST_WITH_LIARS, Plan, draw
from tests.simulation.watching.claims import Claims
from tests.simulation.watching.truth import Truth
from tests.support.network import REPLICA_SECRET

ME, VICTIM, THIRD = "filial-norte", "matriz", "filial-sul"
PRODUCT: dict[str, Any] = {"id": "p", "sku": "SKU-0", "name": "Tea", "price_cents": 5, "lamport": 1}
CUSTOMER: dict[str, Any] = {"id": "c", "code": "ALFKI", "name": "Alfreds", "lamport": 1}


def cell(branch: str, epoch: str) -> dict[str, Any]:
    counts = dict.fromkeys(("returned", "returned_frozen", "recovered", "written_off", "sold", "removed"), 0)
    key = {"product_id": "p", "branch": branch, "epoch": epoch}
    return {**key, "received": 5, **counts, "granted": {}, "version": 1}


def order(branch: str, key: str) -> dict[str, Any]:
    lines = [{"line": 1, "product_id": "p", "sku": "SKU-0", "quantity": 2}]
    told = {"status": "placed", "version": 1, "lamport": 3, "created_at": 1.0, "lines": lines}
    return {"id": key, "branch": branch, "epoch": "e", **told}


def event(seq: int, kind: str, entity: str, body: Any) -> dict[str, Any]:
    return {"seq": seq, "event_id": f"{seq:032x}", "kind": kind, "entity": entity, "schema_version": 1,
            "lamport": seq, "revisions": {}, "body": body}  # fmt: skip


def messages() -> list[tuple[str, bool, dict[str, Any]]]:
    """One message of each kind that a liar's node sends or answers, with its path."""
    me = {"epoch": "mine", "to_epoch": "theirs"}
    head = {"seq": 2, "event_id": "b" * 32}
    hello = {
        "node": ME,
        "epoch": "mine",
        "dead": [],
        "decommissioned": [],
        "heads": {f"{VICTIM}@theirs": head},
    }
    taken = {"order": order(ME, "mine"), "customer": CUSTOMER, "products": [PRODUCT]}
    moved = {"product": PRODUCT, "cells": [cell(ME, "mine")]}
    events = [event(1, "stock_update", "p", moved), event(2, "order_created", "mine", taken)]
    batch = {
        **me,
        "origin": ME,
        "after": {"seq": 0, "event_id": ""},
        "through": head,
        "lamport": 2,
        "events": events,
    }
    wish = {"product_id": "p", "wanted": 1, "age": None, "lamport": 1}
    page: dict[str, Any] = {"epoch": "mine", "before": {}, "next": None, "sha256": "", "heads": {}}
    return [
        (HELLO, False, hello),
        (HELLO, True, {**hello, "ahead": {}}),
        (EVENT, False, batch),
        (EVENT, True, {"epoch": "mine", "position": head, "parked": 0, "parked_seqs": []}),
        (TRANSFER, False, {**me, **wish, "cells": [cell(ME, "mine")]}),
        (TRANSFER, True, {"epoch": "mine", "granted": 1, "lamport": 2, "cells": [cell(ME, "mine")]}),
        (SNAPSHOT, True, {**page, "relation": "stock", "rows": [cell(ME, "mine"), cell(THIRD, "third")]}),
        (SNAPSHOT, True, {**page, "relation": "orders", "rows": [order(ME, "mine"), order(THIRD, "third")]}),
        (SNAPSHOT, True, {**page, "relation": "products", "rows": [PRODUCT]}),
        (SEAL, False, {**me, "product_id": "p", "dead": [], "decommissioned": []}),
        (SEAL, True, {"epoch": "mine", "dead": [], "decommissioned": [], "cells": []}),
        (TOTALS, True, {"epoch": "mine", "totals": {}, "heads": {}, "parked_seqs": {}, "parked": []}),
    ]  # fmt: skip


def heard() -> Heard:
    """A liar that has read a message of each other branch."""
    known = Heard(ME)
    taken = {"order": order(THIRD, "third"), "customer": CUSTOMER, "products": [PRODUCT]}
    rows = {
        "epoch": "third",
        "events": [event(1, "order_created", "third", taken)],
        "cells": [cell(THIRD, "third")],
    }
    known.read(THIRD, json.dumps(rows).encode())
    known.read(VICTIM, json.dumps({"epoch": "theirs", "cells": [cell(VICTIM, "theirs")]}).encode())
    return known


def told(kind: str) -> list[tuple[str, bool, dict[str, Any], dict[str, Any]]]:
    """What becomes of messages by the lies of a kind: the message as it was, and as it left, where it was
    changed."""
    found = []
    for seed in range(40):
        known = heard()
        for path, answer, body in messages():
            telling = Telling(path, answer, VICTIM, json.loads(json.dumps(body)), known, Random(seed))
            if lies.tell(kind, telling) is not None:
                found.append((path, answer, body, telling.body))
    return found


@pytest.mark.parametrize("kind", sorted(lies.KINDS))
def test_every_kind_of_lie_changes_what_a_message_says(kind: str) -> None:
    changed = told(kind)

    assert changed
    assert all(before != after for _, _, before, after in changed)
    assert all(after["epoch"] == "mine" for _, _, _, after in changed)


def test_stock_rows_of_others_are_forged_in_every_message_that_has_stock_rows() -> None:
    places = {(path, answer) for path, answer, _, _ in told("forge_cells") if path != HELLO}

    assert places == {
        (EVENT, False), (TRANSFER, False), (TRANSFER, True), (SNAPSHOT, True), (SEAL, True), (TOTALS, True),
    }  # fmt: skip


def test_what_a_liar_says_of_others_is_named_by_what_it_heard_of_them() -> None:
    deaths = [tuple(life) for _, _, _, after in told("forge_deaths") for life in after["dead"]]

    assert set(deaths) == {(VICTIM, "theirs"), (THIRD, "third")}
    ghosts = {
        tuple(life) for path, _, _, after in told("forge_ghosts") if "dead" in after for life in after["dead"]
    }
    assert ghosts
    assert not ghosts & set(deaths)


def lying_plan(**changes: Any) -> Plan:
    plan = draw(1, nodes=3, liars=True)
    return replace(plan, liar=ME, candour=0.0, **changes)


def test_a_liar_that_has_not_begun_sends_what_its_node_says() -> None:
    liar = Liar(lying_plan(lies=("forge_deaths", "withhold")), Journal())
    body = json.dumps(messages()[2][2]).encode()

    assert liar.says(VICTIM, EVENT, body) == body
    assert liar.swallows(VICTIM, EVENT, body) is None
    assert liar.replies(VICTIM, EVENT, body) == body


def test_an_answer_of_a_liar_bears_the_mark_of_a_member() -> None:
    answer = Liar(lying_plan(), Journal()).marked(Response(200, b"{}"), "a token")

    tokens = ReplicaTokens(name=VICTIM, secret=REPLICA_SECRET)
    assert tokens.is_marked(answer.mark, "a token", status=200, body=b"{}")


def test_a_liar_is_one_more_node_and_never_the_one_that_opens_the_shop() -> None:
    for seed in range(200):
        honest, plan = draw(seed), draw(seed, liars=True)
        assert honest.liar is None
        assert plan.liar in plan.nodes[1:]
        assert plan.lies
        assert (plan.policy, len(plan.honest)) == ("escrow", min(len(honest.nodes), MOST_WITH_LIARS[0] - 1))


def test_every_kind_of_lie_is_drawn_as_often_as_others() -> None:
    drawn = Counter(kind for seed in range(300) for kind in draw(seed, liars=True).lies)

    assert set(drawn) == set(LIES)
    assert min(drawn.values()) > 60


def test_a_liars_grants_count_once_and_what_it_was_granted_is_not_the_others_to_sell() -> None:
    claims = Claims(ME)
    claims.lives = {(VICTIM, "theirs"), (THIRD, "third")}
    claims.take({("p", ME, "mine", VICTIM, "theirs"): 5, ("p", ME, "mine", ME, "another"): 900})
    claims.take({("p", ME, "mine", VICTIM, "theirs"): 3, ("p", THIRD, "third", VICTIM, "theirs"): 70})

    assert claims.units({}) == {"p": 5}
    assert claims.units({("p", THIRD, "third", ME, "mine"): 2}) == {"p": 3}


@pytest.mark.parametrize("seed", range(4))
def test_a_history_with_a_member_that_lies_keeps_every_promise(seed: int, template: Path) -> None:
    result = play(seed, template=template, liars=True)

    assert result.violations == []
    assert result.outcomes["order ok"] > 0
    assert set(draw(seed, liars=True).lies) & result.faults.keys()


def test_a_history_with_a_liar_replays_exactly(template: Path) -> None:
    first = play(5, template=template, liars=True, keep_lines=True)

    assert first == play(5, template=template, liars=True, keep_lines=True)


def test_what_only_a_liar_said_of_a_branch_is_told_apart_from_what_the_branch_wrote() -> None:
    key, grant = ("p", THIRD, "third"), ("p", THIRD, "third", VICTIM, "theirs")
    true = (5, 0, 0, 0, 0, 0, 0, 1)
    truth = Truth(claims=Claims(ME), cells={key: true}, grants={grant: 2})

    assert not truth.was_a_lie(key, true)
    assert truth.was_a_lie(key, (6, 0, 0, 0, 0, 0, 0, 1))
    assert not truth.was_a_lie(grant, (2,))
    assert truth.was_a_lie(grant, (3,))
    assert not Truth(cells={key: true}).was_a_lie(key, (6, 0, 0, 0, 0, 0, 0, 1))

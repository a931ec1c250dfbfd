"""Rows of a newer version on their way through this one: nothing is lost, and nothing is parked."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.database import StorageFull, Transaction
from app.database.digest import canonical
from app.domain import forms
from app.state.registry import replicated, unknown_rows
from app.state.tables import customers, stock_table, users
from app.sync.catchup import snapshot
from app.sync.log import dead_letters
from app.sync.wire.merging import apply_rows
from app.sync.wire.messages import Batch, Page, PageRequest
from tests.support.branch import ACTOR, Branch, Branches
from tests.support.company import Company, customer
from tests.support.everything import one_of_everything
from tests.support.virtual import eventually

NEWER = {"mark": "of the next version", "marks": [1, 2.5, None, {"ç": True}]}


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    return one_of_everything(branches)


def as_newer(batch: Batch) -> Batch:
    """The batch as the next version writes it: every row has more fields, lines too."""
    said = json.loads(batch.model_dump_json())
    for event in said["events"]:
        event["revisions"] = dict.fromkeys(replicated.relations(), 2)
        _mark(event["body"])
    return Batch.model_validate_json(json.dumps(said))


def _mark(value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _mark(each)
    elif isinstance(value, dict):
        for key, each in list(value.items()):
            if key not in ("granted", "deactivations", "reactivations"):
                _mark(each)
        if {"id", "line", "product_id"} & value.keys():
            value.update(NEWER)


def take_all(sender: Branch, receiver: Branch, change: Callable[[Batch], Batch]) -> None:
    batch = sender.batch_for(receiver)
    assert batch is not None
    receipt = receiver.receive(change(batch))
    assert (receipt.parked, receipt.position) == (0, batch.through)


def merging(page: Page) -> Callable[[Transaction], stock_table.Merged]:
    return lambda tx: snapshot.merge_page(tx, page, donor="norte")


def every_row(branch: Branch) -> list[dict[str, Any]]:
    return [row for rows in branch.rows().values() for row in rows.values()]


def test_fields_of_a_newer_version_stay_with_their_rows(matriz: Branch, branches: Branches) -> None:
    norte = branches.make("norte")
    take_all(matriz, norte, as_newer)
    rows = every_row(norte)
    assert rows
    assert all(row.items() >= NEWER.items() for row in rows)
    assert all(line.items() >= NEWER.items() for row in rows for line in row.get("lines", ()))


@pytest.mark.parametrize("relation", replicated.relations())
def test_they_travel_on_by_the_page(matriz: Branch, branches: Branches, relation: str) -> None:
    norte, sul = branches.make("norte"), branches.make("sul")
    take_all(matriz, norte, as_newer)
    for known in replicated.relations():
        wanted = PageRequest(to_epoch="e", epoch="e", relation=known, after="")
        page = snapshot.read_page(norte.connection, wanted)
        arrived = type(page).model_validate_json(page.model_dump_json())
        assert snapshot.is_whole(arrived)
        merged = sul.do(merging(arrived))
        assert (merged.forks, merged.waiting) == ([], [])
    assert {k: canonical(v) for k, v in sul.rows()[relation].items()} == {
        k: canonical(v) for k, v in norte.rows()[relation].items()
    }
    assert sul.digest() == norte.digest()


def test_they_survive_what_this_version_does_to_the_row(branches: Branches) -> None:
    matriz, norte = one_of_everything(branches), branches.make("norte")
    take_all(matriz, norte, as_newer)
    found = users.find_by_username(norte.connection, "ana")
    assert found is not None
    change = users.UserChange(role="admin")
    norte.do(lambda tx: users.change(tx, found.id, change, actor=ACTOR))
    norte.send(matriz)
    assert matriz.rows()["users"][found.id].items() >= NEWER.items()


def test_a_version_that_knows_them_not_yet_says_the_same_of_a_stock_row_and_ends_no_life(
    matriz: Branch, branches: Branches
) -> None:
    """Its own row comes back to a branch with fields that it never wrote."""
    norte = branches.make("norte")
    take_all(matriz, norte, as_newer)
    wanted = PageRequest(to_epoch="e", epoch="e", relation="stock", after="")
    page = snapshot.read_page(norte.connection, wanted)
    merged = matriz.do(lambda tx: snapshot.merge_page(tx, page, donor="norte"))
    assert (merged.ahead, merged.forks) == ([], [])
    assert matriz.rights(matriz.product_id("rice")) == 9


def test_an_unknown_kind_applies_by_its_rows_and_keeps_those_of_unknown_relations(
    matriz: Branch, branches: Branches
) -> None:
    norte = branches.make("norte")
    customer = next(iter(matriz.rows()["customers"].values()))
    courier = {"id": "s", "name": "Moinho", "lamport": 1}

    def newer(batch: Batch) -> Batch:
        said = json.loads(batch.model_dump_json())
        for event in said["events"]:
            event["kind"] = "courier_upserted"
            event["body"] = {"rows": {"customers": [customer], "couriers": [courier]}}
        return Batch.model_validate_json(json.dumps(said))

    take_all(matriz, norte, newer)
    assert list(norte.rows()["customers"].values()) == [customer]
    assert unknown_rows.relations(norte.connection) == ["couriers"]
    assert unknown_rows.of_entity(norte.connection, "s")[0] == {"couriers": [courier]}
    assert norte.parked() == []


@pytest.mark.parametrize("relation", replicated.relations())
def test_what_a_node_wrote_as_a_newer_version_is_told_after_it_went_back(
    matriz: Branch, branches: Branches, relation: str
) -> None:
    """It does not know any more what its event was about, only of what: so it tells all of that."""
    norte = branches.make("norte")
    (key, *_) = replicated.get(relation).page_keys(matriz.connection)
    rows = matriz.rows()
    earlier = {name: [*rows[name].values()] for name in ("customers", "products")}  # told before
    norte.do(lambda tx: apply_rows(tx, earlier, "matriz", {}))
    matriz.do(lambda tx: tx.emit("unheard_of", key))

    take_all(matriz, norte, lambda batch: batch.model_copy(update={"events": batch.events[-1:]}))

    found = {k: canonical(row) for k, row in norte.rows()[relation].items() if k.startswith(key)}
    assert found == {k: canonical(row) for k, row in matriz.rows()[relation].items() if k.startswith(key)}
    assert found


def test_kept_rows_of_unknown_relations_travel_on_by_the_page(branches: Branches) -> None:
    norte, sul = branches.make("norte"), branches.make("sul")
    courier = {"id": "s", "name": "Moinho", "lamport": 1}
    norte.do(lambda tx: unknown_rows.keep(tx, "couriers", courier, revision=3, origin="matriz"))
    wanted = PageRequest(to_epoch="e", epoch="e", relation="couriers", after="")
    page = snapshot.read_page(norte.connection, wanted)
    arrived = type(page).model_validate_json(page.model_dump_json())
    assert snapshot.is_whole(arrived)
    sul.do(lambda tx: snapshot.merge_page(tx, arrived, donor="norte"))
    assert unknown_rows.of_entity(sul.connection, "s") == ({"couriers": [courier]}, {"couriers": 3})


def test_rows_of_a_page_that_nobody_could_have_written_are_left_out_alone(branches: Branches) -> None:
    """A newer donor's row may be too long to be kept here: the others must still come."""
    norte = branches.make("norte")
    rows = [{"id": "s", "mark": "x" * unknown_rows.MOST_BYTES}, {"id": "t"}]
    page = Page(epoch="e", relation="couriers", rows=rows, next=None, sha256="", heads={})
    merged = norte.do(merging(page))
    assert (len(merged.forks), merged.changed) == (1, True)
    assert unknown_rows.page(norte.connection, "couriers", after="", limit=9)[0] == [{"id": "t"}]


def test_a_row_that_cannot_be_upcast_is_left_out_alone(
    branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    norte = branches.make("norte")
    upcasts = ((1, lambda row: {**row, "name": row["title"]}),)
    newer = replace(forms.of("customers"), revision=2, upcasts=upcasts)
    monkeypatch.setattr(forms, "THIS_VERSION", {**forms.THIS_VERSION, "customers": newer})
    page = Page(epoch="e", relation="customers", rows=[{"id": "s"}], next=None, sha256="", heads={})
    assert len(norte.do(merging(page)).forks) == 1


def test_an_unknown_kind_that_does_not_say_its_rows_is_parked(matriz: Branch, branches: Branches) -> None:
    norte = branches.make("norte")
    batch = matriz.batch_for(norte)
    assert batch is not None
    unknown = {"kind": "unheard_of", "body": {"of": "another layout"}}
    events = [event.model_copy(update=unknown) for event in batch.events]
    receipt = norte.receive(batch.model_copy(update={"events": events}))
    assert receipt.parked == len(events)
    assert norte.do(lambda tx: dead_letters.replay(tx, actor=ACTOR))["left"] == len(events)


@pytest.mark.anyio
async def test_a_full_disk_holds_up_the_kept_rows_and_not_the_node(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    (node,) = await company.found("matriz")
    row = {"id": "nonsense"}
    await node.database.write(lambda tx: unknown_rows.keep(tx, "customers", row, revision=1, origin="norte"))
    await company.stop("matriz")
    merge_known, refusals = unknown_rows.merge_known, [StorageFull("full"), StorageFull("full")]

    def refusing(tx: Transaction) -> int:
        if refusals:
            raise refusals.pop()
        return merge_known(tx)

    monkeypatch.setattr(unknown_rows, "merge_known", refusing)
    node = await company.start("matriz")
    await eventually(lambda: node.ready)
    await eventually(lambda: not refusals)


@pytest.mark.anyio
async def test_rows_kept_for_a_newer_version_are_merged_when_the_node_starts_as_it(
    company: Company,
) -> None:
    """Of every content that came under one key, the newest one stays; what nobody could have written too."""
    (node,) = await company.found("matriz")
    await customer(node)
    found = await node.database.read(lambda connection: customers.find(connection, "ALFKI"))
    assert found is not None
    rows = [{**found.as_json(), "name": name, "lamport": 100 + at} for at, name in enumerate(("one", "two"))]

    def keep(tx: Transaction) -> None:
        for row in (*rows, {"id": "nonsense"}):
            unknown_rows.keep(tx, "customers", row, revision=1, origin="norte")

    await node.database.write(keep)
    await company.stop("matriz")
    node = await company.start("matriz")

    async def has_merged() -> bool:
        merged = await node.database.read(lambda connection: customers.find(connection, "ALFKI"))
        return merged is not None and merged.name == "two"

    await eventually(has_merged)
    left = await node.database.read(lambda c: unknown_rows.page(c, "customers", after="", limit=9))
    assert left[0] == [{"id": "nonsense"}]

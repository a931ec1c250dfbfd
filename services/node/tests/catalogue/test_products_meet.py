"""Products and customers edited at two branches that were apart."""

from typing import Any

import pytest

from app.database import Actor
from app.domain.customer import NewCustomer
from app.domain.errors import AlreadyExists, Invalid, NotFound
from app.domain.product import NewProduct
from app.state.tables import audit, customers, products
from app.state.tables.audit import AuditEntry, AuditFilter
from tests.support.branch import Branch

ANA = Actor(user_id="ana", request_id="r1")
Apart = tuple[Branch, Branch]


def create(branch: Branch, name: str, *, sku: str = "CAFE") -> str:
    product = NewProduct(sku=sku, name=name, price_cents=100)
    return str(branch.do(lambda tx: products.create(tx, product, actor=ANA)).id)


def rename(branch: Branch, name: str) -> None:
    branch.do(lambda tx: products.update(tx, "cafe", {"name": name}, actor=ANA))


def snapshot(branch: Branch, product_id: str) -> dict[str, Any]:
    found = products.PRODUCTS.snapshot(branch.connection, product_id)
    assert found is not None
    return found


def create_customer(branch: Branch, city: str | None) -> str:
    customer = NewCustomer(code="ALFKI", name="Alfreds", city=city)
    return str(branch.do(lambda tx: customers.create(tx, customer, actor=ANA)).id)


def deliver_customer(source: Branch, target: Branch, customer_id: str) -> None:
    body = customers.CUSTOMERS.snapshot(source.connection, customer_id)
    assert body is not None
    target.do(lambda tx: customers.CUSTOMERS.merge(tx, body))


def deliver(source: Branch, target: Branch, product_id: str) -> bool:
    body = snapshot(source, product_id)
    return target.do(lambda tx: products.PRODUCTS.merge(tx, body))


def digests(apart: Apart) -> set[str]:
    return {branch.digest() for branch in apart}


def superseded(branch: Branch) -> list[AuditEntry]:
    wanted = AuditFilter(action="superseded")
    return audit.page(branch.connection, wanted, before=None, limit=100)


def test_the_same_sku_created_on_both_sides_is_one_row_and_the_loser_is_kept(
    apart: Apart,
) -> None:
    matriz, norte = apart
    product_id = create(matriz, "Café da matriz")
    assert create(norte, "Café do norte", sku="cafe") == product_id
    before = snapshot(matriz, product_id)
    deliver(norte, matriz, product_id)
    deliver(matriz, norte, product_id)
    # Both were first in logical time, so the name of the node decides: norte is after matriz.
    assert snapshot(matriz, product_id) == snapshot(norte, product_id)
    assert snapshot(matriz, product_id)["name"] == "Café do norte"
    assert len(digests(apart)) == 1
    assert [entry.before for entry in superseded(matriz)] == [before]


def test_a_branch_whose_edit_wins_keeps_the_one_it_beat(apart: Apart) -> None:
    matriz, norte = apart
    product_id = create(matriz, "Café da matriz")
    create(norte, "Café do norte")
    assert not deliver(matriz, norte, product_id)
    assert [entry.before and entry.before["name"] for entry in superseded(norte)] == ["Café da matriz"]


def test_the_same_loser_is_kept_once_however_often_it_arrives(apart: Apart) -> None:
    matriz, norte = apart
    product_id = create(matriz, "Café da matriz")
    create(norte, "Café do norte")
    for _ in range(3):
        deliver(matriz, norte, product_id)
    assert len(superseded(norte)) == 1


def test_an_edit_made_in_knowledge_of_the_old_version_supersedes_nobody(apart: Apart) -> None:
    """A peer that has not heard of the edit keeps sending the old version with each order."""
    matriz, norte = apart
    product_id = create(matriz, "Café")
    deliver(matriz, norte, product_id)
    rename(norte, "Café torrado")
    assert not deliver(matriz, norte, product_id)
    assert superseded(norte) == []


def test_an_edit_after_hearing_of_another_is_later_than_it(apart: Apart) -> None:
    matriz, norte = apart
    product_id = create(matriz, "Café")
    for number in range(20):
        rename(matriz, f"Café {number}")
    deliver(matriz, norte, product_id)
    rename(norte, "Café torrado")
    assert deliver(norte, matriz, product_id)
    assert snapshot(matriz, product_id)["name"] == "Café torrado"


def test_merging_emits_no_event_and_a_repeated_snapshot_changes_nothing(apart: Apart) -> None:
    matriz, norte = apart
    product_id = create(matriz, "Café")
    assert deliver(matriz, norte, product_id)
    assert not deliver(matriz, norte, product_id)
    assert norte.event_kinds() == []


def test_an_edit_made_here_is_announced_and_audited_in_its_transaction(apart: Apart) -> None:
    matriz, _ = apart
    create(matriz, "Café")
    rename(matriz, "Café torrado")
    assert matriz.event_kinds() == ["product_upserted"] * 2
    entries = audit.page(matriz.connection, AuditFilter(entity="product"), before=None, limit=9)
    assert [(entry.action, entry.actor, entry.request_id) for entry in entries] == [
        ("updated", "ana", "r1"),
        ("created", "ana", "r1"),
    ]


def test_an_edit_that_changes_nothing_is_no_edit(apart: Apart) -> None:
    matriz, _ = apart
    product_id = create(matriz, "Café")
    before = snapshot(matriz, product_id)
    rename(matriz, "Café")
    assert snapshot(matriz, product_id) == before


def test_a_key_in_another_spelling_exists_already(apart: Apart) -> None:
    matriz, _ = apart
    create(matriz, "Café")
    with pytest.raises(AlreadyExists):
        create(matriz, "Café", sku=" ｃａｆｅ")


def test_what_is_not_there_cannot_be_changed(apart: Apart) -> None:
    matriz, _ = apart
    with pytest.raises(NotFound):
        rename(matriz, "Café")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "another"}, "id"),
        ({"sku": "TEA"}, "id"),
        ({"name": "x" * 201}, "name"),
        ({"name": None}, "name"),
        ({"price_cents": -1}, "price_cents"),
        ({"price_cents": True}, "price_cents"),
        ({"price_cents": 10**13}, "price_cents"),
        ({"lamport": "1"}, "lamport"),
        ({"stamp_node": ""}, "stamp_node"),
        ({"colour": "x" * 20_000}, "extra"),
    ],
)
def test_a_snapshot_no_node_could_have_written_is_refused_whole(
    apart: Apart, change: dict[str, Any], field: str
) -> None:
    matriz, norte = apart
    product_id = create(matriz, "Café")
    body = {**snapshot(matriz, product_id), **change}
    with pytest.raises(Invalid) as refused:
        norte.do(lambda tx: products.PRODUCTS.merge(tx, body))
    assert refused.value.field == field
    assert products.find(norte.connection, "cafe") is None


def test_customers_follow_the_same_rules(apart: Apart) -> None:
    matriz, norte = apart
    customer_id = create_customer(matriz, "Berlin")
    assert create_customer(norte, None) == customer_id
    deliver_customer(matriz, norte, customer_id)
    deliver_customer(norte, matriz, customer_id)
    assert len(digests(apart)) == 1

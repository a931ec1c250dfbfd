"""Every kind of event: what it carries, and that it can be applied alone."""

from typing import Any

import pytest

from app.database import AlteredRow
from app.domain.errors import Invalid
from app.state.tables import orders
from app.sync.wire.kinds import KINDS
from tests.support.branch import Branch, Branches, as_json, canonical_rows
from tests.support.everything import one_of_everything


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    return one_of_everything(branches)


def last_entity(branch: Branch, kind: str) -> str:
    row = branch.connection.execute(
        "SELECT entity FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 1", (kind,)
    ).fetchone()
    return str(row[0])


def body(branch: Branch, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = as_json(KINDS[kind].read(branch.connection, last_entity(branch, kind)))
    return found


def test_the_kinds_are_those_of_the_protocol(matriz: Branch) -> None:
    assert set(KINDS) == {
        "order_created",
        "order_cancelled",
        "stock_update",
        "product_upserted",
        "customer_upserted",
        "user_upserted",
    }
    assert set(matriz.event_kinds()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_can_be_applied_by_a_node_that_knows_nothing(
    matriz: Branch, branches: Branches, kind: str
) -> None:
    norte = branches.make("norte")
    norte.do(lambda tx: KINDS[kind].apply(tx, body(matriz, kind), "matriz"))
    ours, theirs = canonical_rows(matriz), canonical_rows(norte)
    assert any(theirs.values())
    for relation, rows in theirs.items():
        assert rows.items() <= ours[relation].items()


@pytest.mark.parametrize("kind", KINDS)
def test_applying_it_again_changes_nothing(matriz: Branch, branches: Branches, kind: str) -> None:
    norte = branches.make("norte")
    read = body(matriz, kind)
    norte.do(lambda tx: KINDS[kind].apply(tx, read, "matriz"))
    digest = norte.digest()
    norte.do(lambda tx: KINDS[kind].apply(tx, read, "matriz"))
    assert (norte.digest(), norte.head()) == (digest, 0)


def test_a_cancellation_brings_the_stock_effects_of_sale_and_return(
    matriz: Branch, branches: Branches
) -> None:
    norte = branches.make("norte")
    norte.do(lambda tx: KINDS["order_cancelled"].apply(tx, body(matriz, "order_cancelled"), "matriz"))
    rice = norte.product_id("rice")
    assert norte.totals(rice).available == 9
    (order,) = orders.page(norte.connection, "", 10)
    assert order.status == "cancelled"


@pytest.mark.parametrize("kind", ["order_created", "order_cancelled", "stock_update"])
def test_nobody_speaks_for_another_branch(matriz: Branch, branches: Branches, kind: str) -> None:
    norte = branches.make("norte")
    with pytest.raises(Invalid):
        norte.do(lambda tx: KINDS[kind].apply(tx, body(matriz, kind), "sul"))


def test_every_kind_covers_itself_and_only_its_own_entity() -> None:
    assert all(name in kind.covers for name, kind in KINDS.items())
    of_products = {"stock_update", "product_upserted"}
    of_orders = {"order_created", "order_cancelled"}
    for kind in KINDS.values():
        covered = set(kind.covers)
        assert len(covered) == 1 or covered in (of_products, of_orders)


def test_only_states_that_replace_each_other_are_coalesced() -> None:
    assert [name for name, kind in KINDS.items() if not kind.coalesces] == [
        "order_created",
        "order_cancelled",
    ]


def test_an_event_whose_row_is_gone_says_so_instead_of_failing(matriz: Branch) -> None:
    """No command deletes a row: a tool or a damaged page did, and the scrub is to look for it."""
    order_id = last_entity(matriz, "order_created")
    matriz.connection.execute("PRAGMA foreign_keys = OFF")
    matriz.connection.execute("DELETE FROM orders WHERE id = ?", (order_id,))
    with pytest.raises(AlteredRow) as caught:
        KINDS["order_created"].read(matriz.connection, order_id)
    assert (caught.value.relation, caught.value.key) == ("orders", order_id)
    customer_id = last_entity(matriz, "customer_upserted")
    matriz.connection.execute("DELETE FROM customers WHERE id = ?", (customer_id,))
    with pytest.raises(AlteredRow):
        KINDS["customer_upserted"].read(matriz.connection, customer_id)

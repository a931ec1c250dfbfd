"""Merging rows that newer versions wrote: the same row and digest whatever comes first, and how often."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database import Transaction
from app.database.digest import canonical
from app.domain import identity
from app.state.registry import replicated
from app.state.repair import checking
from tests.support.branch import CLUSTER, Branch

EXAMPLES = 25
HASH = f"$2b$04${'a' * 53}"

MakeBranches = Callable[[], Sequence[Branch]]
Row = dict[str, Any]

VALUES = st.none() | st.booleans() | st.integers(2, 3) | st.sampled_from(["", "ç", "\n"]) | st.just([1.5, {}])
BEYOND = st.dictionaries(st.sampled_from(["mark", "tax"]), VALUES)
LAMPORTS, NODES, EPOCHS = st.integers(1, 3), st.sampled_from(["matriz", "norte"]), st.just("first")
MAPS = st.dictionaries(st.sampled_from(["one", "two"]), LAMPORTS)
COUNTS = st.integers(0, 3)


def row_of(beyond: Row, **fields: Any) -> Row:
    return {**fields, **beyond}


CUSTOMERS = st.builds(
    row_of,
    BEYOND,
    id=st.just(identity.customer_id(CLUSTER, "BONAP")),
    code=st.just("BONAP"),
    name=st.sampled_from(["one", "two"]),
    **{name: st.none() for name in ("contact", "email", "phone", "city", "country")},
    lamport=LAMPORTS,
    stamp_node=NODES,
    stamp_epoch=EPOCHS,
)
USERS = st.builds(
    row_of,
    BEYOND,
    id=st.just(identity.user_id(CLUSTER, "ana")),
    username=st.just("ana"),
    password_hash=st.just(HASH),
    credentials_lamport=LAMPORTS,
    credentials_node=NODES,
    credentials_epoch=EPOCHS,
    role=st.sampled_from(["admin", "operador"]),
    role_lamport=LAMPORTS,
    role_node=NODES,
    role_epoch=EPOCHS,
    deactivations=MAPS,
    reactivations=MAPS,
    token_version=COUNTS,
)
CELLS = st.builds(
    row_of,
    BEYOND,
    product_id=st.just(identity.product_id(CLUSTER, "rice")),
    branch=st.just("recife"),
    epoch=EPOCHS,
    **{name: st.just(0) for name in ("returned", "returned_frozen", "recovered", "written_off", "removed")},
    received=COUNTS,
    sold=COUNTS,
    granted=st.dictionaries(st.sampled_from(["sul@e", "norte@e"]), st.integers(1, 3)),
    version=LAMPORTS,
)


def order(version: int, beyond: Row, line_beyond: Row) -> Row:
    line = {
        "line": 1,
        "product_id": identity.product_id(CLUSTER, "rice"),
        "sku": "rice",
        "name": "Product rice",
        "quantity": 1,
        "unit_price_cents": 1000,
        **line_beyond,
    }
    return {
        "id": "an order",
        "number": "RECIFE-1",
        "branch": "recife",
        "epoch": "first",
        "lamport": 1,
        "customer_id": identity.customer_id(CLUSTER, "ALFKI"),
        "user_id": "a user",
        "status": "placed" if version == 1 else "cancelled",
        "note": None,
        "total_cents": 1000,
        "version": version,
        "created_at": 1.5,
        "idempotency_key": None,
        "request_hash": "a hash",
        "lines": [line],
        **beyond,
    }


@st.composite
def order_versions(draw: st.DrawFn) -> list[Row]:
    """One order's history: each version once, as its only writer wrote it; its lines never change."""
    line = draw(BEYOND)
    written = {version: draw(BEYOND) for version in (1, 2, 3)}
    return [order(v, written[v], line) for v in draw(st.lists(st.sampled_from([1, 2, 3]), min_size=1))]


VIEWS = {
    "customers": st.lists(CUSTOMERS, min_size=1, max_size=4),
    "users": st.lists(USERS, min_size=1, max_size=4),
    "stock": st.lists(CELLS, min_size=1, max_size=4),
    "orders": order_versions(),
}


@pytest.mark.parametrize(
    "relation",
    [name if name == "stock" else pytest.param(name, marks=pytest.mark.whole) for name in VIEWS],
)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_any_order_and_repetition_of_views_gives_one_row(
    make_branches: MakeBranches, relation: str, data: st.DataObject
) -> None:
    views = data.draw(VIEWS[relation])
    again = data.draw(st.permutations([*views, *data.draw(st.lists(st.sampled_from(views)))]))
    _, norte, sul = make_branches()
    for view in views:
        norte.do(merging(relation, view))
    for view in again:
        sul.do(merging(relation, view))
    assert canonical(norte.rows()[relation]) == canonical(sul.rows()[relation])
    assert norte.digest() == sul.digest()
    for branch in (norte, sul):
        assert checking.find_troubles(branch.connection) == []


@pytest.mark.whole
@pytest.mark.parametrize("relation", VIEWS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_two_branches_made_of_some_views_merges_to_what_all_views_make(
    make_branches: MakeBranches, relation: str, data: st.DataObject
) -> None:
    """A branch tells its merged row, never the views it came from."""
    views = data.draw(VIEWS[relation])
    cut = data.draw(st.integers(0, len(views)))
    matriz, norte, sul = make_branches()
    for branch, some in ((matriz, views[:cut]), (norte, views[cut:]), (sul, views)):
        for view in some:
            branch.do(merging(relation, view))
    for sender, receiver in ((matriz, norte), (norte, matriz)):
        for row in sender.rows()[relation].values():
            receiver.do(merging(relation, row))
    found = [canonical(branch.rows()[relation]) for branch in (matriz, norte, sul)]
    assert found[0] == found[1] == found[2]
    assert matriz.digest() == norte.digest() == sul.digest()


def merging(relation: str, row: Row) -> Callable[[Transaction], object]:
    return lambda tx: replicated.get(relation).merge(tx, [row], "recife")

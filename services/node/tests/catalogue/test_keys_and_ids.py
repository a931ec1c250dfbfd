"""A key is no id: whoever names one thing by its key never gets the other thing that has this id."""

from collections.abc import Callable

import pytest

from app.database import Transaction
from app.domain import identity
from app.domain.customer import NewCustomer
from app.domain.errors import AlreadyExists, Invalid
from app.domain.product import NewProduct
from app.state.tables import customers, products, users
from app.state.tables.users import NewUser
from tests.support.branch import ACTOR, CLUSTER, Branch

ID = identity.product_id(CLUSTER, "gold")
HASH = f"$2b$04${'a' * 53}"
Create = Callable[[Transaction, str], object]


def new_product(tx: Transaction, key: str) -> object:
    return products.create(tx, NewProduct(key, "One cent", 1), actor=ACTOR)


def new_customer(tx: Transaction, key: str) -> object:
    return customers.create(tx, NewCustomer(key, "Somebody"), actor=ACTOR)


def new_user(tx: Transaction, key: str) -> object:
    return users.create(tx, NewUser(key, "operador", HASH), actor=ACTOR)


def with_both(branch: Branch) -> str:
    """Make a product, and one as an older version could, whose sku is the id of the first. Its id."""
    assert branch.product("gold", price_cents=100_000) == ID
    stamp = {"lamport": 9, "stamp_node": "norte", "stamp_epoch": "e"}
    cheap = {"id": identity.product_id(CLUSTER, ID), "sku": ID, "name": "One cent", "price_cents": 1, **stamp}
    branch.do(lambda tx: products.PRODUCTS.merge(tx, cheap))
    return str(cheap["id"])


@pytest.mark.parametrize("create", [new_product, new_customer, new_user])
@pytest.mark.parametrize("key", [ID, ID.upper(), f" {ID}", "０" + ID[1:]])
def test_a_new_key_that_looks_like_an_id_is_refused(
    apart: tuple[Branch, Branch], create: Create, key: str
) -> None:
    matriz, _ = apart
    with pytest.raises(Invalid) as refused:
        matriz.do(lambda tx: create(tx, key))
    assert refused.value.reason == "looks_like_an_id"


@pytest.mark.parametrize("create", [new_product, new_customer, new_user])
@pytest.mark.parametrize("key", [ID.replace("-", ""), f"{ID}x", ID[:-1], "0" * 36, "CAFE-500"])
def test_every_other_key_is_taken(apart: tuple[Branch, Branch], create: Create, key: str) -> None:
    matriz, _ = apart
    matriz.do(lambda tx: create(tx, key))
    with pytest.raises(AlreadyExists):
        matriz.do(lambda tx: create(tx, key))


def test_a_record_is_found_by_its_id_and_by_its_key_in_any_spelling(
    apart: tuple[Branch, Branch],
) -> None:
    matriz, _ = apart
    matriz.product("gold")
    for reference in (ID, "gold", "GOLD"):
        found = products.find(matriz.connection, reference)
        assert found is not None
        assert found.sku == "gold"


def test_a_sku_that_is_another_products_id_names_its_own_product(apart: tuple[Branch, Branch]) -> None:
    matriz, _ = apart
    cheap = with_both(matriz)
    by_sku, by_id = (products.find(matriz.connection, reference) for reference in (ID, cheap))
    gold = products.find(matriz.connection, "gold")
    assert by_sku is not None
    assert gold is not None
    assert (by_sku, by_sku.price_cents, gold.price_cents) == (by_id, 1, 100_000)
    matriz.customer("ALFKI")
    matriz.adjust(ID, 5)
    matriz.place("ALFKI", (ID, 5))
    sold = matriz.connection.execute("SELECT product_id, unit_price_cents FROM order_lines").fetchall()
    assert [tuple(row) for row in sold] == [(cheap, 1)]

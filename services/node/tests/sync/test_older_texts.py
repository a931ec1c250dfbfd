"""Keys and names that an older version took and this one refuses: no branch may lose or park them."""

import pytest

from app.domain import characters
from app.domain.customer import NewCustomer
from app.domain.product import NewProduct
from app.state.commands.order_commands import PlaceOrder, place_order
from app.state.tables import customers, products, users
from tests.support.branch import ACTOR, Branch, Branches, canonical_rows

OLDER = ["\u200bX1", "\ufeffX1", "X\u202e1", "\u2060", "X\ufdd0", "X\u20281", "\u3164"]
HASH = f"$2b$04${'a' * 53}"


def older(branches: Branches, written: str) -> Branch:
    """A branch with this text in every place where people enter one."""
    made = branches.make("matriz")
    product = NewProduct(sku=written, name=written, price_cents=1)
    customer = NewCustomer(written, written, written, f"{written}@x", written, written, written)
    user = users.NewUser(username=written, role="operador", password_hash=HASH)
    order = PlaceOrder(customer=written, lines=((written, 2),), note=written)
    made.do(lambda tx: products.create(tx, product, actor=ACTOR))
    made.do(lambda tx: customers.create(tx, customer, actor=ACTOR))
    made.do(lambda tx: users.create(tx, user, actor=ACTOR))
    made.adjust(written, 10)
    made.cancel(made.place(written, (written, 3)))
    made.do(
        lambda tx: place_order(
            tx, order, actor=ACTOR, key=None, request_hash="hash", policy="escrow", reserved={}
        )
    )
    return made


@pytest.mark.parametrize("written", OLDER, ids=ascii)
def test_what_an_older_version_stored_is_applied_and_not_parked(branches: Branches, written: str) -> None:
    matriz, norte = older(branches, written), branches.make("norte")
    assert characters.key_fault(written), "no branch of this version takes it"

    batch = matriz.batch_for(norte)
    assert batch is not None
    norte.receive(batch)

    assert norte.parked() == []
    assert canonical_rows(norte) == canonical_rows(matriz)
    assert norte.digest() == matriz.digest()


@pytest.mark.parametrize("written", OLDER, ids=ascii)
def test_it_is_found_and_sold_by_the_key_that_it_has(branches: Branches, written: str) -> None:
    matriz = older(branches, written)

    order = matriz.place(written, (written, 1))

    assert matriz.product_id(written)
    assert customers.find(matriz.connection, written) is not None
    assert users.find_by_username(matriz.connection, written) is not None
    assert matriz.rows()["orders"][order]["lines"][0]["sku"] == written

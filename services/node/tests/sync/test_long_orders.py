"""Orders of a thousand lines fit every message that carries them, whatever they name."""

import pytest

from app.api.door import CLIENT_BODY_BYTES, REPLICA_BODY_BYTES
from app.api.schemas.orders import NewOrder, WantedLine
from app.database import Transaction
from app.domain import bounds, text
from app.domain.errors import Invalid
from app.domain.life import Life
from app.domain.order import MAX_LINES, MAX_QUANTITY
from app.domain.product import NewProduct
from app.state.tables import life_table, products, stock_table
from app.sync.catchup import snapshot
from app.sync.rules.batch_size import SMALLEST
from app.sync.wire.messages import PageRequest
from tests.support.branch import ACTOR, Branch, Branches

WIDE = "🍫"  # four bytes of UTF-8, the most a character takes
GRANTS = bounds.MOST_STOCK_OF_ORDER // MAX_LINES - bounds.GRANTS_OF_ROW


def sku_of(number: int) -> str:
    return f"{number:04d}".ljust(text.KEY, WIDE)


def stocked_branch(branches: Branches, *, grants: int, count: int = MAX_LINES) -> Branch:
    """A branch with products of the longest names, each granted to so many lives of branches with long
    names."""
    matriz = branches.make("matriz")
    matriz.customer("ALFKI")
    others = [Life(f"filial-{number}".ljust(31, "x"), f"{number:032x}") for number in range(grants)]

    def fill(tx: Transaction) -> None:
        for number in range(count):
            made = NewProduct(sku=sku_of(number), name=WIDE * text.NAME, price_cents=10**12)
            product = products.create(tx, made, actor=ACTOR)
            cells = stock_table.cells_to_spend(tx, product.id)
            before = stock_table.own_cell(cells, life_table.me(tx), product.id)
            after = before.add("received", 10**6)
            for other in others:
                after = after.grant(other, 1000)
            stock_table.move(tx, before, after)

    matriz.do(fill)
    return matriz


def message_of(matriz: Branch, peer: Branch) -> bytes:
    batch = matriz.batch_for(peer)
    assert batch is not None
    return batch.model_dump_json().encode()


@pytest.mark.whole
def test_the_longest_order_and_its_cancellation_fit_one_message_with_what_comes_before(
    branches: Branches,
) -> None:
    matriz, norte = stocked_branch(branches, grants=GRANTS), branches.make("norte")
    matriz.send(norte)

    placed = matriz.place("ALFKI", *[(sku_of(number), 1) for number in range(MAX_LINES)])
    assert len(message_of(matriz, norte)) + SMALLEST.bytes < REPLICA_BODY_BYTES
    matriz.send(norte)
    assert norte.digest() == matriz.digest()

    matriz.cancel(placed)
    assert len(message_of(matriz, norte)) + SMALLEST.bytes < REPLICA_BODY_BYTES
    matriz.send(norte)
    assert norte.digest() == matriz.digest()


def test_an_order_whose_events_no_peer_would_take_is_refused(
    branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    matriz = stocked_branch(branches, grants=3, count=2)
    monkeypatch.setattr(bounds, "MOST_STOCK_OF_ORDER", 2 * (bounds.GRANTS_OF_ROW + 3))
    matriz.place("ALFKI", (sku_of(0), 1), (sku_of(1), 1), (sku_of(1), 1))
    monkeypatch.setattr(bounds, "MOST_STOCK_OF_ORDER", 2 * (bounds.GRANTS_OF_ROW + 3) - 1)

    with pytest.raises(Invalid) as refused:
        matriz.place("ALFKI", (sku_of(0), 1), (sku_of(1), 1))

    assert (refused.value.field, refused.value.reason) == ("lines", "too_large_in_total")


def test_a_body_with_the_longest_lines_is_taken() -> None:
    line = WantedLine(sku=WIDE * text.KEY, quantity=MAX_QUANTITY)
    order = NewOrder(customer=WIDE * text.KEY, lines=[line] * MAX_LINES, note=WIDE * text.NOTE)

    # As JSON that escapes all beyond ASCII: 12 bytes for each of these.
    assert len(order.model_dump_json(ensure_ascii=True)) < CLIENT_BODY_BYTES


def test_a_page_of_long_orders_ends_near_its_limit_and_none_is_left_out(
    branches: Branches, monkeypatch: pytest.MonkeyPatch
) -> None:
    matriz = branches.make("matriz")
    matriz.customer("ALFKI")
    matriz.product("rice")
    matriz.adjust("rice", 10_000)
    for _ in range(60):
        matriz.place("ALFKI", *[("rice", 1)] * 20)
    monkeypatch.setattr(snapshot, "PAGE_BYTES", 100_000)  # about 25 of them
    sizes, after = list[int](), ""
    while True:
        wanted = PageRequest(to_epoch="e", epoch="f", relation="orders", after=after)
        page = snapshot.read_page(matriz.connection, wanted)
        sizes.append(len(page.rows))
        if page.next is None:
            break
        after = page.next

    assert sum(sizes) == 60
    assert max(sizes) <= snapshot._FIRST_KEYS + 1

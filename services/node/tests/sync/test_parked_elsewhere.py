"""What a peer acknowledged and only parked: it counts as stored there when the peer has it in its rows."""

import pytest

from app.state.commands import stock_count
from app.state.commands.stock_count import Count, Handover
from app.state.tables import life_table, order_durability, orders, stock_table
from tests.support.branch import ACTOR, Branch, Branches


@pytest.fixture
def three(branches: Branches) -> tuple[Branch, Branch, Branch]:
    matriz, norte, sul = (branches.make(name) for name in ("matriz", "norte", "sul"))
    matriz.customer("ALFKI")
    matriz.product("rice")
    matriz.adjust("rice", 9)
    return matriz, norte, sul


def stored_by(branch: Branch, order: str) -> list[str]:
    found: list[str] = orders.view(branch.connection, order).stored_by
    return found


def seq_of(branch: Branch, order: str) -> int:
    """Where an order's event stands in its branch's log."""
    row = branch.connection.execute("SELECT seq FROM orders WHERE id = ?", (order,)).fetchone()
    return int(row[0])


@pytest.mark.parametrize("few", [-1, 20_000])
def test_a_parked_order_is_stored_nowhere_until_it_is_parked_no_more(
    three: tuple[Branch, Branch, Branch], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether those at risk are counted from the log's end or from all orders."""
    monkeypatch.setattr(order_durability, "_FEW_EVENTS", few)
    matriz, norte, sul = three
    first, second = (matriz.place("ALFKI", ("rice", 1)) for _ in range(2))
    at = seq_of(matriz, first)

    matriz.acknowledge(norte, matriz.head(), parked=[(at, at)])
    assert (stored_by(matriz, first), stored_by(matriz, second)) == ([], ["norte"])
    assert order_durability.at_risk(matriz.connection) == 1
    matriz.acknowledge(sul, at, parked=[(at, at)])
    assert (stored_by(matriz, first), order_durability.at_risk(matriz.connection)) == ([], 1)
    matriz.acknowledge(sul, at)
    assert (stored_by(matriz, first), order_durability.at_risk(matriz.connection)) == (["sul"], 0)
    matriz.acknowledge(norte, matriz.head())
    assert (stored_by(matriz, first), order_durability.at_risk(matriz.connection)) == (["norte", "sul"], 0)


def test_a_receipt_says_what_is_parked_by_now(three: tuple[Branch, Branch, Branch]) -> None:
    matriz, norte, _ = three
    order = matriz.place("ALFKI", ("rice", 1))
    batch = matriz.batch_for(norte)
    assert batch is not None
    at = seq_of(matriz, order)
    events = [e.model_copy(update={"schema_version": 2} if e.seq == at else {}) for e in batch.events]
    spoiled = batch.model_copy(update={"events": events})
    assert norte.receive(spoiled).parked_seqs == [(at, at)]
    assert norte.receive(spoiled).parked_seqs == [(at, at)], "a duplicate tells it as well"
    matriz.acknowledge(norte, at, parked=[(at, at)])
    matriz.cancel(order)

    matriz.send(norte)

    assert stored_by(matriz, order) == ["norte"], "the cancelling told all of it"


def test_a_peer_that_moved_on_without_saying_may_have_parked_it_all(
    three: tuple[Branch, Branch, Branch],
) -> None:
    """A refusal tells a position and no more: the receipt before it was lost."""
    matriz, norte, _ = three
    matriz.send(norte)
    order = matriz.place("ALFKI", ("rice", 1))
    matriz.acknowledge(norte, matriz.head(), parked=None)
    assert (stored_by(matriz, order), order_durability.at_risk(matriz.connection)) == ([], 1)
    matriz.acknowledge(norte, matriz.head())
    assert stored_by(matriz, order) == ["norte"]


def test_what_one_life_of_a_peer_parked_is_no_matter_of_the_next(
    three: tuple[Branch, Branch, Branch],
) -> None:
    matriz, norte, _ = three
    order = matriz.place("ALFKI", ("rice", 1))
    matriz.acknowledge(norte, matriz.head(), parked=[(1, matriz.head())])
    norte.next_life()
    matriz.acknowledge(norte, matriz.head())
    assert stored_by(matriz, order) == ["norte"]


def test_what_a_count_released_is_not_spent_while_a_member_has_it_parked(
    three: tuple[Branch, Branch, Branch],
) -> None:
    """Should the counter's disk be lost, the others would count those units once more."""
    matriz, norte, _ = three
    matriz.send(norte)
    matriz.next_life()
    matriz.send(norte)
    rice = matriz.product_id("rice")
    dead = sorted(life_table.dead_lives(matriz.connection))
    handover = Handover(life=norte.life, dead=dead, cells=stock_table.cells_of(norte.connection, rice))
    count = Count(product_id=rice, missing=0, dead=dead)
    assert matriz.do(lambda tx: stock_count.release(tx, count, handovers={"norte": handover}, actor=ACTOR))

    def usable() -> int:
        cells = stock_table.cells_of(matriz.connection, rice)
        return stock_table.usable_rights(matriz.connection, cells, matriz.life)

    end = matriz.head()
    assert usable() == 0
    matriz.acknowledge(norte, end, parked=[(end - 1, end - 1)])
    assert usable() == 0, "the row may stand at an earlier event that it superseded"
    matriz.acknowledge(norte, end)
    assert usable() == 9

"""Rows are read in pieces to find altered ones; what is written between two pieces is no trouble."""

from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any, TypeVar

import pytest

from app.database.pieces import Pieces
from app.state.repair import checking, unwritten
from app.state.tables import customers
from tests.support.branch import ACTOR, Branch, Branches

T = TypeVar("T")

CUSTOMERS = 15
ALTERED = {
    "a name": "UPDATE customers SET name = 'altered' WHERE code = 'C1'",
    "a seal": "UPDATE customers SET checksum = checksum + 1 WHERE code = 'C14'",
    "a missing row": "DELETE FROM customers WHERE code = 'C2'",
    "a row that nobody wrote": "UPDATE customers SET id = 'nobody' WHERE code = 'C3'",
    "a total": "UPDATE digest_buckets SET total = zeroblob(32)"
    " WHERE rowid = (SELECT MAX(rowid) FROM digest_buckets WHERE relation = 'customers')",
    "own stock that is gone": "DELETE FROM stock WHERE product_id = (SELECT MIN(id) FROM products)",
    "a line": "UPDATE order_lines SET quantity = 2 WHERE order_id = (SELECT MAX(id) FROM orders)",
    "a price": "UPDATE products SET price_cents = 1 WHERE sku = 'rice'",
}


@pytest.fixture(autouse=True)
def rows_are_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((checking, "ROWS"), (checking, "KEYS"), (unwritten, "KEYS")):
        monkeypatch.setattr(module, name, 2)


@pytest.fixture
def branch(branches: Branches) -> Branch:
    return stocked(branches)


def stocked(branches: Branches) -> Branch:
    """A branch with customers, products, stock and orders."""
    made = branches.make("matriz")
    for number in range(CUSTOMERS):
        made.customer(f"C{number}")
    for sku in ("beans", "coffee", "rice"):
        made.product(sku)
        made.adjust(sku, 1000)
        made.place("C0", (sku, 1))
    return made


def looked_for(pieces: Pieces[T], branch: Branch, *, between: Callable[[], Any]) -> T:
    """What is found while something else happens after each piece."""
    answer: Any = None
    while True:
        try:
            query = pieces.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found
        answer = query(branch.connection)
        between()


def rename(branch: Branch, code: str, name: str) -> None:
    branch.do(lambda tx: customers.update(tx, code, {"name": name}, actor=ACTOR))


def everything_changes(branch: Branch) -> Callable[[], None]:
    """Renames customers, creates one, sells and cancels, each time it is called."""
    numbers = count(1)

    def change() -> None:
        number = next(numbers)
        for code in ("C4", f"C{4 + number % 10}"):
            rename(branch, code, f"Name {number}")
        branch.customer(f"N{number}")
        branch.cancel(branch.place("C0", ("beans", 1)))
        branch.place("C0", ("coffee", 1))

    return change


@pytest.mark.whole
def test_what_is_written_while_all_is_read_is_no_trouble(branches: Branches) -> None:
    branch = stocked(branches)
    found = looked_for(checking.look_for_troubles(), branch, between=everything_changes(branch))
    assert found == []


@pytest.mark.parametrize("statement", ALTERED.values(), ids=ALTERED)
def test_what_was_altered_is_found_whatever_is_written_meanwhile(branch: Branch, statement: str) -> None:
    assert branch.connection.execute(statement).rowcount == 1
    numbers = count(1)

    def change() -> None:
        branch.customer(f"N{next(numbers)}")
        rename(branch, "C5", f"Name {next(numbers)}")

    found = looked_for(checking.look_for_troubles(), branch, between=change)

    assert found == checking.find_troubles(branch.connection)
    assert found != []


@pytest.mark.parametrize("seed", range(30))
def test_pieces_of_any_size_find_the_same(branch: Branch, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    random = Random(seed)
    for statement in random.sample(list(ALTERED.values()), random.randint(1, 4)):
        branch.connection.execute(statement)
    found = checking.find_troubles(branch.connection)

    monkeypatch.setattr(checking, "ROWS", random.randint(1, 100))
    monkeypatch.setattr(checking, "KEYS", random.randint(1, 100))

    assert checking.find_troubles(branch.connection) == found != []


@pytest.mark.parametrize("number", [0, 7, CUSTOMERS - 1])
def test_a_key_that_is_no_text_is_found_wherever_it_is(branch: Branch, number: int) -> None:
    assert not looked_for(unwritten.look_for_broken_keys(), branch, between=lambda: None)
    branch.connection.execute("PRAGMA foreign_keys = OFF")
    branch.connection.execute(
        "UPDATE customers SET id = CAST(x'fffeff' AS TEXT)"
        " WHERE rowid = (SELECT rowid FROM customers ORDER BY rowid LIMIT 1 OFFSET ?)",
        (number,),
    )
    assert looked_for(unwritten.look_for_broken_keys(), branch, between=lambda: None)
    assert checking.find_troubles(branch.connection) != []

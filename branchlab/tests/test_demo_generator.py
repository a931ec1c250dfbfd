"""The demonstration's order history: the same bytes everywhere, as three unequal branches would sell."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.teaching.demo import generator
from branchlab.teaching.demo.assortment import ARTICLES, BRANCHES
from branchlab.teaching.replay import files

FILES = ("products.csv", "customers.csv", "orders.csv")
# Of the three files in this order. It changes only when the story is meant to change.
EXPECTED_SHA256 = "d3baa2b2765477a86c01ceb9204f26fc2c7d416244f9aa89eb9d3e58fb0959da"


def files_of(directory: Path, *, seed: int = generator.DEFAULT_SEED) -> bytes:
    generator.write(generator.generate(seed), directory)
    return b"".join((directory / name).read_bytes() for name in FILES)


def test_the_default_seed_gives_the_same_bytes_everywhere(tmp_path: Path) -> None:
    assert hashlib.sha256(files_of(tmp_path)).hexdigest() == EXPECTED_SHA256


def test_another_seed_gives_another_history(tmp_path: Path) -> None:
    assert files_of(tmp_path / "1", seed=1) != files_of(tmp_path / "2", seed=2)


def test_replay_reads_exactly_what_was_generated(tmp_path: Path) -> None:
    generated = generator.generate(7)
    generator.write(generated, tmp_path)
    assert files.load(tmp_path).history == generated


def test_there_are_forty_products_sixty_customers_and_six_hundred_orders() -> None:
    generated = generator.generate()
    sizes = (len(generated.products), len(generated.customers), len(generated.orders))
    assert sizes == (40, 60, 600)


def test_every_product_is_sold_and_some_far_more_than_others() -> None:
    needed = generator.generate().units_needed()
    assert set(needed) == {article.sku for article in ARTICLES}
    units = [count for _, count in needed.most_common()]
    assert units[0] > 20 * units[-1]


def test_the_branches_sell_unevenly_and_each_has_its_favourites() -> None:
    generated = generator.generate()
    orders = {branch: len(own) for branch, own in generated.orders_by_branch().items()}
    assert sorted(orders, key=lambda branch: -orders[branch]) == [*BRANCHES]
    mate = Counter(order.branch for order in generated.orders for line in order.lines if line.sku == "MATE-1")
    assert mate["filial-sul"] / orders["filial-sul"] > 2 * mate["matriz"] / orders["matriz"]


def test_a_customer_buys_at_one_branch_only() -> None:
    branches: dict[str, set[str]] = {}
    for order in generator.generate().orders:
        branches.setdefault(order.customer, set()).add(order.branch)
    assert all(len(found) == 1 for found in branches.values())


def test_dates_never_go_back() -> None:
    dates = [order.date for order in generator.generate().orders]
    assert dates == sorted(dates)


@pytest.mark.parametrize("seed", range(30))
def test_any_seed_gives_a_history_that_replay_takes(seed: int, tmp_path: Path) -> None:
    generated = generator.generate(seed, orders=30)
    generator.write(generated, tmp_path)
    assert files.load(tmp_path).history == generated


def test_a_directory_that_cannot_be_written_is_one_plain_line(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("", encoding="utf-8")
    with pytest.raises(LabError, match=f"cannot write the history to {taken}: File exists"):
        generator.write(generator.generate(orders=9), taken)

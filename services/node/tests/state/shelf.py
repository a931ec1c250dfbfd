"""A branch with something to sell, and what a command may change of it."""

from typing import Any

from tests.support.branch import Branch, Branches


def stocked(branches: Branches) -> Branch:
    """The branch matriz with a customer, ten units of rice and two of beans."""
    made = branches.make("matriz")
    made.customer("ALFKI")
    for sku, quantity in (("rice", 10), ("beans", 2)):
        made.product(sku, price_cents=250)
        made.adjust(sku, quantity)
    return made


def left(branch: Branch, *skus: str) -> list[int]:
    return [branch.rights(branch.product_id(sku)) for sku in skus]


def state(branch: Branch) -> tuple[Any, ...]:
    """All that a refused command must leave as it was."""
    counters = tuple(branch.connection.execute("SELECT seq, order_counter FROM node").fetchone())
    audits = branch.connection.execute("SELECT COUNT(*) FROM audit").fetchone()[0]
    return counters, audits, branch.digest(), branch.rows()

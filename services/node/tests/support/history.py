"""Random histories of real transactions at branches in memory, for properties."""

from collections.abc import Sequence
from contextlib import suppress

from hypothesis import strategies as st

from app.domain.errors import OutOfRights
from app.domain.life import Life
from app.state.commands import grants
from app.state.commands.grants import Request
from app.state.tables import customers, products, stock_table
from tests.support.branch import ACTOR, Branch

Step = tuple[str, int, int, int]
"""(action, branch, another branch, quantity)."""

ACTIONS = ("receive", "sell", "remove", "cancel", "grant", "surplus", "rename", "move", "send")

step: st.SearchStrategy[Step] = st.tuples(
    st.sampled_from(ACTIONS), st.integers(0, 2), st.integers(0, 2), st.integers(1, 9)
)
steps: st.SearchStrategy[list[Step]] = st.lists(step, max_size=40)


class History:
    """Plays steps at branches that know the customer ALFKI and the product rice. What is refused for want
    of rights is simply not done; actions whose two branches are one are skipped."""

    def __init__(self, branches: Sequence[Branch]) -> None:
        self.branches = branches
        self._placed: list[tuple[Branch, str]] = []

    def play(self, step: Step) -> None:
        action, at, to, quantity = step
        here, there = self.branches[at % len(self.branches)], self.branches[to % len(self.branches)]
        with suppress(OutOfRights):
            self._act(action, here, there, quantity)

    def settle(self) -> None:
        """Let everybody hear everything."""
        for here in self.branches:
            for there in self.branches:
                if here is not there:
                    here.send(there)

    def _act(self, action: str, here: Branch, there: Branch, quantity: int) -> None:
        match action:
            case "receive":
                here.adjust("rice", quantity, share="equal", peers=self._others(here))
            case "sell":
                self._placed.append((here, here.place("ALFKI", ("rice", quantity))))
            case "remove":
                here.adjust("rice", -quantity)
            case "cancel" if self._placed:
                branch, order = self._placed.pop(quantity % len(self._placed))
                branch.cancel(order)
            case "grant" if here is not there:
                _grant(here, there, quantity)
            case "surplus":
                peers, product = self._others(here), here.product_id("rice")
                here.do(lambda tx: grants.offer_surplus(tx, product, peers=peers, reserved=1))
            case "rename":
                change: dict[str, str | int] = {"name": f"Rice {quantity}", "price_cents": quantity}
                here.do(lambda tx: products.update(tx, "rice", change, actor=ACTOR))
            case "move":
                here.do(lambda tx: customers.update(tx, "ALFKI", {"city": f"City {quantity}"}, actor=ACTOR))
            case "send" if here is not there:
                here.send(there)

    def _others(self, here: Branch) -> list[Life]:
        return [branch.life for branch in self.branches if branch is not here]


def _grant(giver: Branch, asker: Branch, wanted: int) -> None:
    """A request that arrives, and whose answer is lost."""
    product = asker.product_id("rice")
    wish = Request(
        product_id=product,
        asker=asker.life,
        wanted=wanted,
        age=None,
        lamport=asker.do(lambda tx: tx.lamport),
        cells=stock_table.cells_of(asker.connection, product),
    )
    giver.do(lambda tx: grants.give(tx, wish, reserved=1))

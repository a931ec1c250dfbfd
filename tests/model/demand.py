"""How well rights follow demand: 500 units, five branches with very unequal demand, one of them cut off a
fifth of the time, and the node's own rules for grants on demand and in the background.

A false stock-out is an order refused while some branch, perhaps one that could not be asked, had units.
"""

import itertools
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from app.domain import stock
from app.services.stock_service import COOL_DOWN_SECONDS
from tests.model.branch import Branch
from tests.model.ledger import Disk
from tests.model.messages import Refused
from tests.model.shelf import Shelf

Policy = Literal["static split", "on demand", "the node's"]
POLICIES: tuple[Policy, ...] = ("static split", "on demand", "the node's")
UNITS = 500
DEMAND = {"b1": 50, "b2": 20, "b3": 15, "b4": 10, "b5": 5}
RUNS = 100
REBALANCE_EVERY = 5  # seconds, as REBALANCE_SECONDS
SPELL = 30  # seconds for which a branch is cut off, or none is
CUT_OFF = 0.2
MOST_BUYERS = 3 * UNITS

MOST_FALSE = 0.05
MOST_TRANSFERS = 1 / 20  # of all sales


@dataclass(frozen=True)
class Measure:
    """One run. `transfers` are grants after the first split, `left` units that nobody had sold in the end."""

    buyers: int
    refused: int
    transfers: int
    left: int

    @property
    def false(self) -> float:
        return self.refused / self.buyers


class Trade:
    """One product's sale, a second at a time."""

    def __init__(self, seed: int, policy: Policy, *, orders_a_second: float = 1.0) -> None:
        self.random = Random(seed)
        self.policy = policy
        self.orders_a_second = orders_a_second
        ids = itertools.count(1)
        self.shelf = Shelf()
        self.branches = {
            name: Branch(name, Disk(f"e{next(ids)}", founded=True), shelf=self.shelf, ids=ids)
            for name in DEMAND
        }
        for branch in self.branches.values():
            branch.ready = True
            branch.epochs = {name: other.disk.epoch for name, other in self.branches.items()}
        self.asked_at: dict[str, int] = {}
        self.away: str | None = None
        self.transfers = 0

    def near(self, branch: Branch) -> list[Branch]:
        if branch.name == self.away:
            return []
        return [b for b in self.branches.values() if b is not branch and b.name != self.away]

    def run(self) -> Measure:
        """Sell until nothing is left, or far more people came than there are units."""
        first = self.random.choice([*self.branches.values()])
        shares = stock.equal_split(UNITS, [b.me for b in self.branches.values() if b is not first])
        first.receive_units(UNITS, shares)
        self.tell_all()
        buyers = refused = 0
        second = due = 0.0
        while self.shelf.units and buyers < MOST_BUYERS:
            if second % SPELL == 0:
                cut_off = self.random.random() < CUT_OFF
                self.away = self.random.choice([*DEMAND]) if cut_off else None
                self.tell_all()
            if self.policy == "the node's" and second % REBALANCE_EVERY == 0:
                self.rebalance(int(second))
            due += self.orders_a_second
            for _ in range(int(due)):
                if self.shelf.units:
                    buyers += 1
                    refused += not self.buy(int(second))
            due -= int(due)
            second += 1
        return Measure(buyers, refused, self.transfers, self.shelf.units)

    def buy(self, now: int) -> bool:
        """Somebody buys one unit at one of the branches."""
        (name,) = self.random.choices([*DEMAND], [*DEMAND.values()])
        branch = self.branches[name]
        before = len(branch.disk.log)
        if not branch.order(1):
            if self.policy != "static split":
                self.ask(branch, now)
            for waiting in list(branch.queue):
                branch.forget(waiting)
        sold = len(branch.disk.log) > before
        self.tell_all()
        return sold

    def ask(self, branch: Branch, now: int) -> None:
        """Every peer that can be reached, the richest first: `RightsAsker`."""

        def rights(peer: Branch) -> int:
            return stock.rights_of(peer.me, branch.disk.cells.values())

        for peer in sorted(self.near(branch), key=rights, reverse=True):
            wish = branch.ask(peer.name)
            if wish is None:
                return
            self.asked_at[peer.name] = now
            try:
                grant = peer.give(wish)
            except Refused:
                continue
            self.transfers += grant.quantity > 0
            branch.accept(grant)

    def rebalance(self, now: int) -> None:
        """`StockService.offer_surplus` at every branch."""
        for branch in self.branches.values():
            if now - self.asked_at.get(branch.name, -1000) >= COOL_DOWN_SECONDS:
                before = dict(branch.own().granted)
                branch.offer_surplus([peer.me for peer in self.near(branch)])
                after = branch.own().granted
                self.transfers += sum(after[life] != before.get(life) for life in after)
                self.tell_all()

    def tell_all(self) -> None:
        """Events arrive within the second wherever they can."""
        for branch in self.branches.values():
            own = branch.disk.cells.get(branch.me)
            if own is not None:
                for peer in self.near(branch):
                    peer.merge({branch.me: own})


def report(say: Callable[[str], None], *, seeds: range) -> int:
    """Say the figures of every policy; 1 if the node's own misses its targets, else 0."""
    weights = "/".join(map(str, DEMAND.values()))
    say(f"{UNITS} units, demand {weights}, one branch cut off {CUT_OFF:.0%} of the time, {len(seeds)} runs;")
    say(f"wanted: at most {MOST_FALSE:.0%} false stock-outs and {MOST_TRANSFERS:.0%} transfers a sale")
    missed = False
    for policy in POLICIES:
        found = [Trade(seed, policy).run() for seed in seeds]
        false = statistics.mean(one.false for one in found)
        transfers = statistics.mean(one.transfers for one in found) / UNITS
        left = sum(one.left for one in found)
        figures = f"{false:6.1%} false stock-outs, {transfers:6.1%} transfers a sale, {left} units left"
        say(f"{policy:>14}: {figures}")
        missed |= policy == "the node's" and (false > MOST_FALSE or transfers > MOST_TRANSFERS or left > 0)
    return int(missed)

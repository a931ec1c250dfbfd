"""The waiting list: orders that wait for rights at this branch, by age. It is in memory only: a waiting order
is an open request, and a crash ends both."""

from collections.abc import Mapping
from dataclasses import dataclass

Age = tuple[int, str, str]
"""(lamport of the first attempt, branch, id): the same total order on every node; less is older."""


@dataclass(frozen=True)
class Waiting:
    """An order or removal that lacks rights; `needs` is units by product id.

    `reach` is, by product id, the units that this branch and the peers heard from lately may sell, as known
    at the last attempt. An order that needs more is impossible for now: it waits, but nobody waits for it.
    """

    age: Age
    needs: Mapping[str, int]
    reach: Mapping[str, int]

    def fits(self, reserved: Mapping[str, int]) -> bool:
        """Whether it could be served while these units are kept for older orders."""
        return all(
            quantity + reserved.get(product_id, 0) <= self.reach.get(product_id, 0)
            for product_id, quantity in self.needs.items()
        )

    def fits_but_for(self, product_id: str) -> bool:
        """Whether no other product than this one makes it impossible."""
        others = {other: quantity for other, quantity in self.needs.items() if other != product_id}
        return all(quantity <= self.reach.get(other, 0) for other, quantity in others.items())


@dataclass(frozen=True)
class Demand:
    """What this branch asks its peers for. Without an age it yields to every waiting order; without units it
    only asks what there is."""

    wanted: int
    age: Age | None

    def is_met_by(self, rights: int) -> bool:
        """Whether so many rights here leave nothing to ask for."""
        return 0 < self.wanted <= rights


class WaitingList:
    """The branch's waiting orders. Used on the event loop only.

    An order leaves the list when it is submitted to the writer, and comes back if it is still short. The
    writer works in the order of submission, so a later submission need not see it in the list.
    """

    def __init__(self) -> None:
        self._waiting: dict[Age, Waiting] = {}

    def add(self, waiting: Waiting) -> None:
        self._waiting[waiting.age] = waiting

    def remove(self, waiting: Waiting) -> None:
        self._waiting.pop(waiting.age, None)

    def reserved(self, *, before: Age | None) -> dict[str, int]:
        """The units by product that orders older than `before` need. None stands for a new order.

        An order reserves all that it needs or nothing. It reserves nothing where the units within reach do
        not cover it beside what still older orders reserve, because keeping units for it would serve nobody.
        """
        reserved: dict[str, int] = {}
        for age in sorted(self._waiting):
            waiting = self._waiting[age]
            if (before is None or age < before) and waiting.fits(reserved):
                for product_id, quantity in waiting.needs.items():
                    reserved[product_id] = reserved.get(product_id, 0) + quantity
        return reserved

    def needs_of(self, product_id: str, *, within_reach: bool) -> dict[Age, int]:
        """The units of a product that waiting orders need now, by their age: of those within reach, or of the
        others. An order that another product makes impossible needs none."""
        return {
            age: w.needs[product_id]
            for age, w in self._waiting.items()
            if product_id in w.needs
            and w.fits_but_for(product_id)
            and (w.needs[product_id] <= w.reach.get(product_id, 0)) == within_reach
        }


def demand_of(needs: Mapping[Age, int], *, available: int) -> Demand | None:
    """What to ask peers for when these orders wait for a product; None when none waits.

    An order larger than the company's stock as known here (`available`) gets no units of any branch. The view
    may be stale, so if no other order waits, peers are asked what they have, without an age.
    """
    if not needs:
        return None
    possible = [age for age, quantity in needs.items() if quantity <= available]
    if possible:
        return Demand(wanted=sum(needs[age] for age in possible), age=min(possible))
    return Demand(wanted=0, age=None)

"""The waiting list: orders that wait for rights at this branch, by age. It is in memory only: a waiting order
is an open request, and a crash ends both."""

from collections.abc import Mapping
from dataclasses import dataclass

Age = tuple[int, str, str]
"""(lamport of the first attempt, branch, id): the same total order on every node; less is older."""


@dataclass(frozen=True)
class Waiting:
    """An order or removal that lacks rights; `needs` is units by product id."""

    age: Age
    needs: Mapping[str, int]


@dataclass(frozen=True)
class Demand:
    """What this branch asks its peers for. Without an age it yields to every waiting order."""

    wanted: int
    age: Age | None


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
        """The units by product that orders older than `before` need. None stands for a new order."""
        reserved: dict[str, int] = {}
        for age in sorted(self._waiting):
            if before is None or age < before:
                for product_id, quantity in self._waiting[age].needs.items():
                    reserved[product_id] = reserved.get(product_id, 0) + quantity
        return reserved

    def needs_of(self, product_id: str) -> dict[Age, int]:
        """The units of a product that each waiting order needs now, by its age."""
        return {age: w.needs[product_id] for age, w in self._waiting.items() if product_id in w.needs}


def demand_of(needs: Mapping[Age, int], *, available: int) -> Demand | None:
    """What to ask peers for when these orders wait for a product; None when none waits.

    An order larger than the company's stock as known here (`available`) is asked for only if no other waits,
    and without an age. The view may be stale, but the order must not take units from orders that can be
    served.
    """
    if not needs:
        return None
    possible = [age for age, quantity in needs.items() if quantity <= available]
    if possible:
        return Demand(wanted=sum(needs[age] for age in possible), age=min(possible))
    return Demand(wanted=min(needs.values()), age=None)

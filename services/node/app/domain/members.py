"""When a decommissioning counts. Pure.

Nobody can check that a branch is gone. Two sides of a cut can each decommission the other one, and a count on
each side would release the same units twice. So a count leaves a branch out only when a majority of the
members stores its decommissioning: two sides never both have one.
"""

from collections.abc import Collection, Mapping


def majority(members: int) -> int:
    """How many members are more than half of them."""
    return members // 2 + 1


def counting(
    decommissioned: Collection[str],
    *,
    roster: Collection[str],
    stored_by: Mapping[str, Collection[str]],
    insisted: Collection[str] = (),
) -> set[str]:
    """The decommissioned branches that a stock count may leave out.

    `decommissioned` are the branches known here. `stored_by` names, for each of them, the branches that
    were heard to store it durably while they were members. `insisted` are those that an admin wants to count
    without a majority. A branch that counts is no member any more. So a network can lose one branch after
    another, and each time the majority of those that are left decides.
    """
    found: set[str] = set()
    while True:
        members = set(roster) - found
        more = {
            branch
            for branch in members.intersection(decommissioned)
            if branch in insisted
            or len(members.intersection(stored_by.get(branch, ())) - {branch}) >= majority(len(members))
        }
        if not more:
            return found
        found |= more

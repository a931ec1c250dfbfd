"""Which node plays which branch of a history."""

from collections.abc import Mapping, Sequence

from lab.errors import LabError


def assign(
    order_counts: Mapping[str, int], nodes: Sequence[str], *, overrides: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Branch → node: branches by falling order count, each to the node with the fewest orders so far.

    `overrides` are placed first and count. Equal counts are decided by the order of the branches and of the
    nodes, so the same history always lands on the same nodes.
    """
    chosen = dict(overrides or {})
    orders_at = dict.fromkeys(nodes, 0)
    for branch, node in chosen.items():
        if branch not in order_counts:
            raise LabError(
                f"there is no branch '{branch}' in the history; the branches are {', '.join(order_counts)}"
            )
        if node not in orders_at:
            raise LabError(f"there is no node '{node}'; the nodes are {', '.join(nodes)}")
        orders_at[node] += order_counts[branch]
    for branch in sorted(order_counts, key=lambda branch: -order_counts[branch]):
        if branch not in chosen:
            chosen[branch] = min(nodes, key=lambda node: orders_at[node])
            orders_at[chosen[branch]] += order_counts[branch]
    return {branch: chosen[branch] for branch in order_counts}


def parse_overrides(pairs: Sequence[str]) -> dict[str, str]:
    """`branch=node` pairs as given to `--map`; LabError for anything else and for a branch given twice."""
    overrides: dict[str, str] = {}
    for pair in pairs:
        branch, separator, node = (part.strip() for part in pair.rpartition("="))
        if not separator or not branch or not node:
            raise LabError(f"--map wants branch=node, not '{pair}'")
        if branch in overrides:
            raise LabError(f"--map names the branch '{branch}' twice")
        overrides[branch] = node
    return overrides


def share_workers(order_counts: Mapping[str, int], concurrency: int) -> dict[str, int]:
    """Branch → how many of its orders may be under way at once.

    In proportion to its orders, so that all branches end together as they did in the history; at least one
    each, so that a branch that hangs never holds up another.
    """
    total = sum(order_counts.values())
    exact = {branch: concurrency * count / total for branch, count in order_counts.items()}
    shares = {branch: max(1, int(share)) for branch, share in exact.items()}
    by_remainder = sorted(exact, key=lambda branch: int(exact[branch]) - exact[branch])
    for branch in by_remainder[: max(0, concurrency - sum(shares.values()))]:
        shares[branch] += 1
    return shares

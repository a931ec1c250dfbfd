"""Which node plays which branch of a history."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.nodes.keys import same_key


def assign(
    order_counts: Mapping[str, int], nodes: Sequence[str], *, overrides: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Branch → node: the node of the branch's name, else the one with the fewest orders so far.

    `overrides` are placed first, then the branches that have a node's name, then the others by falling order
    count. Equal counts are decided by the order of the branches and of the nodes, so the same history always
    lands on the same nodes.
    """
    chosen: dict[str, str] = {}
    orders_at = dict.fromkeys(nodes, 0)
    spelled = {same_key(branch): branch for branch in order_counts}
    for name, node in (overrides or {}).items():
        branch = spelled.get(same_key(name))
        if branch is None:
            raise LabError(
                _(
                    "there is no branch '{name}' in the history; the branches are {branches}",
                    name=name,
                    branches=", ".join(order_counts),
                )
            )
        if node not in orders_at:
            raise LabError(
                _("there is no node '{node}'; the nodes are {nodes}", node=node, nodes=", ".join(nodes))
            )
        if branch in chosen:
            raise LabError(_("--map names the branch '{branch}' twice", branch=branch))
        chosen[branch] = node
        orders_at[node] += order_counts[branch]
    for branch in order_counts:
        if branch not in chosen and (named := _as_node(branch)) in orders_at:
            chosen[branch] = named
            orders_at[named] += order_counts[branch]
    for branch in sorted(order_counts, key=lambda branch: -order_counts[branch]):
        if branch not in chosen:
            chosen[branch] = min(nodes, key=lambda node: orders_at[node])
            orders_at[chosen[branch]] += order_counts[branch]
    return {branch: chosen[branch] for branch in order_counts}


def _as_node(branch: str) -> str:
    """The branch's name as a node's is written: `Filial São José` is `filial-sao-jose`."""
    plain = unicodedata.normalize("NFKD", branch).encode("ascii", errors="ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def parse_overrides(pairs: Sequence[str]) -> dict[str, str]:
    """`branch=node` pairs as given to `--map`; LabError for anything else and for a branch given twice."""
    overrides: dict[str, str] = {}
    for pair in pairs:
        branch, separator, node = (part.strip() for part in pair.rpartition("="))
        if not separator or not branch or not node:
            raise LabError(_("--map wants branch=node, not '{pair}'", pair=pair))
        if branch in overrides:
            raise LabError(_("--map names the branch '{branch}' twice", branch=branch))
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

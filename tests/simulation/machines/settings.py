"""The settings of the nodes of a history. They need the code of the node. A plan does without it, and so does
who hands out seeds to workers: it starts in a seventh of the time."""

from pathlib import Path

from app.config import Settings
from tests.simulation.plan import Plan
from tests.support import company


def node_settings(plan: Plan, name: str, path: Path) -> Settings:
    """The settings of one of a history's nodes, whose file is at `path`."""
    return company.node_settings(
        name,
        peers=plan.nodes,
        database_path=path,
        stock_policy=plan.policy,
        replication_retry_seconds=plan.retry_seconds,
        transfer_wait_seconds=plan.transfer_wait_seconds,
        rebalance_seconds=plan.rebalance_seconds,
    )

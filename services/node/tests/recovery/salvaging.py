"""Histories in which files are damaged: how they begin, and what nodes say of what came back."""

from typing import Any

from tests.recovery.trial import NAMES, Trial
from tests.support.company import node_settings
from tests.support.virtual import eventually


async def founded(trial: Trial, **settings: Any) -> None:
    """Three nodes that each had ten units and sold one."""
    await trial.stocked(**settings, at="matriz", units=30, share="equal")
    for name in NAMES:
        await trial.sell(name)
    await trial.converged()


async def sell_alone(trial: Trial, *names: str, quantity: int = 2) -> list[str]:
    """Stop all nodes; each of these has then sold what no other has heard of."""
    trial.network.cut.update((one, other) for one in NAMES for other in NAMES if one != other)
    sold = [await trial.sell(name, quantity) for name in names]
    await trial.stop(*NAMES)
    trial.network.cut.clear()
    return sold


async def start_all(trial: Trial, **settings: Any) -> None:
    for name in NAMES:
        await trial.start(name, ready=False, **settings)


async def accounts(trial: Trial, *names: str) -> dict[str, tuple[int, int, bool]]:
    """By node how many orders came back of its set-aside file, how many did not, and whether that is the last
    word; once each has looked into one."""
    found: dict[str, tuple[int, int, bool]] = {}

    async def all_looked_into() -> bool:
        for name in names:
            for account in (await trial[name].status()).salvage:
                found[name] = account.orders_back, account.orders_lost, account.complete
        return len(found) == len(names)

    await eventually(all_looked_into)
    return found


def environment(trial: Trial, name: str) -> Any:
    return node_settings(name, peers=NAMES, database_path=trial.company.path(name))


async def lost_ids(trial: Trial, name: str) -> list[str]:
    """The orders that a node's accounts call lost."""
    found = await trial[name].database.read(
        lambda connection: connection.execute(
            "SELECT value FROM salvaged, json_each(report, '$.lost_ids')"
        ).fetchall()
    )
    return [row[0] for row in found]

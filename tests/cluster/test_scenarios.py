"""Every scenario over either driver, with few rounds; `./lab run NAME` plays them with all of theirs."""

import asyncio
from pathlib import Path

import pytest

from branchlab.checking.runlog import read_records
from branchlab.errors import LabError
from branchlab.teaching.scenarios.registry import SCENARIOS, get
from branchlab.teaching.scenarios.runner import RunOptions, run, run_here
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = pytest.mark.timed

DRIVERS = [
    pytest.param("process", marks=pytest.mark.cluster),
    pytest.param(
        "compose", marks=[pytest.mark.compose, pytest.mark.long]
    ),  # a network of containers for each
]
FEW_ROUNDS = {
    "founding": 1,
    "apart": 2,
    "branch-stopped": 10,
    "branch-paused": 10,
    "cable-cut": 1,
    "cable-cut-majority": 1,
    "lost-disk": 1,
    "restored-backup": 1,
    "damaged-disk": 1,
    "disk-full": 1,
}
SHORT_SECONDS = 10.0  # of killing nodes; long enough for two or three times


NAMES = [
    # Those of the contrast are played by `make show-h-3` on this node, and on the plain one.
    pytest.param(scenario.name, marks=[pytest.mark.long] if scenario.group == "contrast" else [])
    for scenario in SCENARIOS
]


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", NAMES)
def test_what_should_happen_does_happen(name: str, driver: str, tmp_path: Path) -> None:
    if driver == "compose" and get(name).over_wire:
        pytest.skip("containers do not reach the lab's own wire: tests/compose/test_other_nodes.py")
    options = RunOptions(
        rounds=FEW_ROUNDS.get(name, 5), seconds=SHORT_SECONDS, driver=driver, directory=tmp_path
    )

    outcomes = run(get(name), options)

    lines = "\n".join(line for outcome in outcomes for line in outcome.lines())  # a list would be cut
    assert {outcome.exit_code for outcome in outcomes} == {0}, lines


@pytest.mark.cluster
def test_a_scenario_that_cuts_links_leaves_none_cut_on_a_network_that_runs(
    start_cluster: StartCluster,
) -> None:
    cluster = start_cluster(settings={"REBALANCE_SECONDS": "0", "LAB_FAULTS": "1"})

    outcome = run_here(
        get("cable-cut-majority"), RunOptions(), run_dir=cluster.run_dir, env_file=cluster.env_file
    )

    assert outcome.exit_code == 0, outcome.lines()
    faults = [record["kind"] for record in read_records(outcome.log) if record["kind"].startswith("fault.")]
    assert faults == ["fault.requested", "fault.active", "fault.healed"]
    assert asyncio.run(links_at_fault(cluster)) == []


@pytest.mark.cluster
def test_a_scenario_that_cuts_links_says_what_it_needs(start_cluster: StartCluster) -> None:
    cluster = start_cluster(settings={"REBALANCE_SECONDS": "0", "LAB_FAULTS": "0"})

    with pytest.raises(LabError, match="takes no faults; run `make down`, then `make up FAULTS=1`"):
        run_here(get("cable-cut-majority"), RunOptions(), run_dir=cluster.run_dir, env_file=cluster.env_file)


async def links_at_fault(cluster: Cluster) -> list[str]:
    async with cluster.clients() as clients:
        return [name for name, client in clients.items() if (await client.faults())["links"]]


@pytest.mark.cluster
def test_a_scenario_may_be_played_on_a_network_that_runs(start_cluster: StartCluster) -> None:
    """Twice, since names of one run must not be in the way of the next; the network stays up."""
    cluster = start_cluster(settings={"TRANSFER_WAIT_SECONDS": "10", "REBALANCE_SECONDS": "0"})

    outcomes = [
        run_here(get(name), RunOptions(rounds=3), run_dir=cluster.run_dir, env_file=cluster.env_file)
        for name in ("last-unit-two-nodes", "branch-stopped", "last-unit-two-nodes")
    ]

    assert [outcome.exit_code for outcome in outcomes] == [0, 0, 0], [one.lines() for one in outcomes]
    assert {cluster.driver.state(name) for name in cluster.network.names} == {"running"}

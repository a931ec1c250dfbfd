"""Every scenario over real processes, with few rounds; `lab run NAME` plays them with all of theirs."""

from pathlib import Path

import pytest

from lab.scenarios.registry import SCENARIOS, get
from lab.scenarios.runner import RunOptions, run, run_here
from tests.cluster.cluster import StartCluster

pytestmark = pytest.mark.cluster

FEW_ROUNDS = {"founding": 1, "apart": 2, "branch-stopped": 10, "branch-paused": 10}
SHORT_SECONDS = 10.0  # of killing nodes; long enough for two or three times


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_what_should_happen_does_happen(name: str, tmp_path: Path) -> None:
    options = RunOptions(rounds=FEW_ROUNDS.get(name, 5), seconds=SHORT_SECONDS, directory=tmp_path)

    outcomes = run(get(name), options)

    lines = [line for outcome in outcomes for line in outcome.lines()]
    assert [outcome.exit_code for outcome in outcomes] == [0], lines


def test_a_scenario_may_be_played_on_a_network_that_runs(start_cluster: StartCluster) -> None:
    """Twice, since names of one run must not be in the way of the next; the network stays up."""
    cluster = start_cluster(settings={"TRANSFER_WAIT_SECONDS": "10", "REBALANCE_SECONDS": "0"})

    outcomes = [
        run_here(get(name), RunOptions(rounds=3), run_dir=cluster.run_dir, env_file=cluster.env_file)
        for name in ("last-unit-two-nodes", "branch-stopped", "last-unit-two-nodes")
    ]

    assert [outcome.exit_code for outcome in outcomes] == [0, 0, 0], [one.lines() for one in outcomes]
    assert {cluster.driver.state(name) for name in cluster.network.names} == {"running"}

"""A short demonstration on three real nodes, by the command line, twice on one network."""

from collections import Counter

import pytest
from typer.testing import CliRunner, Result

from branchlab import language
from branchlab.checking.runlog import read_records
from branchlab.cli import app
from tests.cluster.cluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.timed]

SHORT = ("--seconds", "3", "--rate", "5", "--orders", "60")


@pytest.fixture(scope="module")
def cluster(shared_cluster: Cluster) -> Cluster:
    """One network, since no test here minds what another one left."""
    return shared_cluster


def where(cluster: Cluster) -> list[str]:
    return ["--run-dir", str(cluster.run_dir), "--env-file", str(cluster.env_file)]


def demo(cluster: Cluster, *options: str, lang: str = "en") -> Result:
    told = ["demo", *where(cluster), *SHORT, *options]
    return CliRunner().invoke(app, told, env={language.VARIABLE: lang})


def states(cluster: Cluster) -> set[str]:
    return {cluster.driver.state(name) for name in cluster.network.names}


def test_a_demonstration_passes_and_can_be_given_again_on_the_same_network(cluster: Cluster) -> None:
    first = demo(cluster, "--fault", "pause", lang="pt-BR")
    assert first.exit_code == 0, first.output
    assert "Rede em uso: matriz, filial-norte, filial-sul (driver process)." in first.output
    assert "VERDICT PASS: 60 pedidos confirmados, 0 perdidos, 0 duplicados" in first.output

    again = demo(cluster, "--fault", "stop")
    assert again.exit_code == 0, again.output
    assert "VERDICT PASS: 60 orders acknowledged, 0 lost, 0 duplicated" in again.output
    assert "without any manual step" in again.output
    assert states(cluster) == {"running"}
    assert_the_run_log_tells_fault_and_pending(cluster)


def assert_the_run_log_tells_fault_and_pending(cluster: Cluster) -> None:
    records = list(read_records(cluster.run_dir / "run.jsonl"))
    kinds = Counter(record["kind"] for record in records)
    assert (kinds["fault.requested"], kinds["fault.active"], kinds["fault.healed"]) == (1, 1, 1)
    samples = [record for record in records if record["kind"] == "sample"]
    victim = next(record["target"] for record in records if record["kind"] == "fault.requested")
    pending = [
        sample["status"]["pending"][victim]
        for sample in samples
        if sample["status"] is not None and sample["node"] != victim
    ]
    assert max(pending) > 0
    assert pending[-1] == 0
    assert any(sample["status"] is None and sample["node"] == victim for sample in samples)


def test_a_network_that_is_not_all_up_is_started_first(cluster: Cluster) -> None:
    cluster.driver.stop("filial-norte")

    result = demo(cluster)

    assert result.exit_code == 0, result.output
    assert "The network is not all up: starting it with the process driver…" in result.output
    assert states(cluster) == {"running"}

"""`./lab status` over real nodes: what is broken on purpose is shown with its lease, in both languages."""

import re

import pytest

from branchlab.poll import poll_blocking
from tests.cluster.cluster import Cluster, StartCluster

pytestmark = pytest.mark.cluster

HOUR_AHEAD = {"CLOCK_OFFSET_SECONDS": "3600"}


@pytest.fixture
def broken(start_cluster: StartCluster) -> Cluster:
    """Three nodes; one link is cut, one is slow, and one clock is an hour ahead."""
    cluster = start_cluster(settings={"LAB_FAULTS": "1"}, node_settings={"filial-sul": HOUR_AHEAD})
    cluster.lab("cut", "matriz", "filial-sul", "--lease", "600")
    cluster.lab("slow", "matriz", "filial-norte", "20ms", "--one-way")
    return cluster


def status_when(cluster: Cluster, text: str, *options: str) -> list[str]:
    """The lines of the first `./lab status` that has the text: a link's trouble shows with its next call."""
    lines = poll_blocking(
        lambda: cluster.lab("status", *options).splitlines(),
        until=lambda lines: any(text in line for line in lines),
        seconds=60,
    )
    assert text in "\n".join(lines)
    return lines


def test_status_shows_a_cut_link_a_full_disk_and_a_wrong_clock(broken: Cluster) -> None:
    broken.lab("disk-full", "filial-norte", "--lease", "3000")
    lines = status_when(broken, "→ matriz               0           the lab cut this link", "--lang", "en")
    faults = [re.sub(r"\d+ (?:s|min) left", "… left", line) for line in lines]
    faults = faults[faults.index("active faults") + 1 :]
    assert faults[:4] == [
        "  matriz → filial-norte  0.02 s slower · … left",
        "  matriz ↔ filial-sul    cut · … left",
        "  filial-norte           its disk is full · … left",
        "  filial-sul             its clock is 1 h ahead of this machine's · no lease",
    ]
    assert faults[4] == "converged (2 links broken, 1 full disk, 1 wrong clock)"

    portuguese = status_when(broken, "o laboratório cortou este enlace", "--lang", "pt_BR")
    assert "convergiu (2 enlaces com falha, 1 disco cheio, 1 relógio errado)" in portuguese

    shown = broken.status()["nodes"]
    assert [link["kind"] for link in shown["filial-sul"]["faults"]["links"]] == ["cut"]
    assert shown["filial-norte"]["faults"]["disk"] is not None
    assert shown["filial-sul"]["clock_ahead_seconds"] == pytest.approx(3600, abs=60)

    broken.lab("heal")
    healed = broken.lab("status", "--lang", "en").splitlines()
    assert healed[-1] == "converged (1 wrong clock)"


def test_a_node_that_hangs_or_is_gone_is_told_in_words(start_cluster: StartCluster) -> None:
    cluster = start_cluster(2)
    cluster.lab("pause", "filial-norte")
    status_when(cluster, "did not answer in 2 s", "--lang", "en")
    cluster.lab("stop", "filial-norte")
    status_when(cluster, "refuses connections", "--lang", "en")
    assert "Error" not in cluster.lab("status", "--lang", "en")

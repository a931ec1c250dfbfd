"""What a network leaves on the machine: which programs run for it, and what is still there."""

from branchlab.networks.drivers.compose import ComposeDriver
from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.drivers.own_project import project_name
from tests.cluster.cluster import Cluster


def births(cluster: Cluster) -> dict[str, str]:
    """NODE → something that changes whenever the node is started anew."""
    if not isinstance(cluster.driver, ComposeDriver):
        records = {name: cluster.run_dir / name / "process.json" for name in cluster.network.names}
        return {name: record.read_text(encoding="utf-8") for name, record in records.items()}
    return {
        each.service: run_docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", each.id)
        for each in _project(cluster).containers()
    }


def left_over(cluster: Cluster) -> list[str]:
    """Processes, containers and networks that are still there; not the data."""
    if not isinstance(cluster.driver, ComposeDriver):
        return [name for name in cluster.network.names if NodeProcess(cluster.run_dir / name).alive()]
    networks = _named(cluster, "network")
    return [each.service for each in _project(cluster).containers()] + networks


def data(cluster: Cluster) -> list[str]:
    """Where the nodes' databases still are."""
    if not isinstance(cluster.driver, ComposeDriver):
        return [str(path) for path in cluster.run_dir.glob("*/node.db")]
    return _named(cluster, "volume")


def _project(cluster: Cluster) -> Project:
    return Project(project_name(cluster.run_dir, cluster.env_file))


def _named(cluster: Cluster, kind: str) -> list[str]:
    label = f"label=com.docker.compose.project={_project(cluster).name}"
    return run_docker(kind, "ls", "--quiet", "--filter", label).split()

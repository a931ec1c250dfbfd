"""Whether the secrets' file still fits the network: one line names the value that does not."""

from collections.abc import Callable
from pathlib import Path

from branchlab import settings
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.homes import folder, record
from branchlab.networks.homes.record import HomeRecord
from branchlab.settings import Secrets


def read(run_dir: Path, env_file: Path) -> Secrets:
    """The secrets of the network in `run_dir`; changes nothing. LabError names the first value that is
    missing, that no node would take, or that is not this network's, and says how to go on."""
    folder.require_own(run_dir)
    secrets = settings.load(env_file)
    if kept := record.read(run_dir):
        require_network(kept, secrets, run_dir, env_file)
    return secrets


def read_or_create(run_dir: Path, env_file: Path) -> Secrets:
    """As `read`, for verbs that start a network: a new network gets a new file, an existing one does not."""
    if network.find(run_dir) is None and record.read(run_dir) is None:
        return settings.load_or_create(env_file)
    read(run_dir, env_file)
    return settings.load_or_create(env_file)


def require_network(kept: HomeRecord, secrets: Secrets, run_dir: Path, env_file: Path) -> None:
    """LabError unless the network's data have this CLUSTER_ID, and its containers this project."""
    if secrets.cluster_id != kept.cluster:
        raise LabError(
            _(
                "CLUSTER_ID in {env_file} is not this network's: put {cluster} back, or run `make"
                " clean`, which removes the network's data",
                env_file=env_file,
                cluster=kept.cluster,
            )
        )
    # Networks elsewhere may share the file; plain `docker compose` commands act on the usual one.
    named = settings.named_project(env_file)
    if run_dir.resolve() == settings.DEFAULT_RUN_DIR and kept.project and named != kept.project:
        raise LabError(
            _(
                "COMPOSE_PROJECT_NAME in {env_file} is not the project of this network's containers: put"
                " {project} back",
                env_file=env_file,
                project=kept.project,
            )
        )


def require_shared(run_dir: Path, secrets: Secrets, env_file: Path, *, any_runs: Callable[[], bool]) -> None:
    """LabError when nodes that run were started with another secret than the file has now: those started
    from now on could not talk to them. While none runs, the new secret becomes the network's."""
    name = changed(run_dir, secrets)
    if name is None:
        return
    if any_runs():
        raise not_shared(name, env_file)
    record.settle(run_dir, secrets)


def not_shared(name: str, env_file: Path) -> LabError:
    """The one line for a secret that is another one than the running nodes have."""
    return LabError(
        _(
            "{name} in {env_file} is not the one that the nodes run with: put it back, or run `make"
            " down`, then `make up` with the new one",
            name=name,
            env_file=env_file,
        )
    )


def changed(run_dir: Path, secrets: Secrets) -> str | None:
    """The first secret that is not the one the nodes were last started with; None when all are."""
    kept = record.read(run_dir)
    now = record.marks(secrets)
    before = kept.marks if kept is not None else {}
    return next((name for name in now if name in before and before[name] != now[name]), None)

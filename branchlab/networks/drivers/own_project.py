"""The Compose project of one folder: its name, that it is the folder's own, and what is kept about it."""

import hashlib
import os
from pathlib import Path

from branchlab import settings
from branchlab.console import note
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.drivers import compose_home
from branchlab.networks.drivers.docker import CHAOS_SERVICE, Project
from branchlab.networks.homes import disks, record, secrets_fit
from branchlab.networks.network import Network
from branchlab.settings import Secrets

_CHAOS_STOP_SECONDS = 30  # it heals what it broke


def project_name(run_dir: Path, env_file: Path) -> str:
    """The Compose project of the network in `run_dir`: that of `env_file`, told apart by where its data are.

    So plain `docker compose` commands in the repository act on the usual network. A network keeps its project
    wherever its folder is moved.
    """
    kept = record.read(run_dir)
    if kept is not None and kept.project:
        return kept.project
    name = settings.compose_project(env_file)
    if run_dir == settings.DEFAULT_RUN_DIR:
        return name
    return f"{name}-{hashlib.sha256(os.fsencode(run_dir)).hexdigest()[:8]}"


class OwnProject:
    """The project of the network kept in `run_dir`, with the secrets in `env_file`."""

    def __init__(self, run_dir: Path, env_file: Path) -> None:
        self._run_dir = run_dir
        self._env_file = env_file

    @property
    def project(self) -> Project:
        return Project(project_name(self._run_dir, self._env_file))

    @property
    def is_known(self) -> bool:
        """Whether a network of this folder was ever made, as far as its files say."""
        kept = record.read(self._run_dir)
        return self._env_file.exists() or bool(kept and kept.project)

    def find_network(self) -> Network | None:
        """The network of the project: as the folder describes it, or as its volumes do where that is gone.
        LabError where the project is another folder's."""
        existing = network.find(self._run_dir)
        home = compose_home.require_ours(
            self.project.name, self._run_dir, self._env_file, described=existing is not None
        )
        if existing is None and home is not None:
            note(_("the description of this network was gone; its volumes have it"))
            return home.described
        return existing

    def require_shared(self, secrets: Secrets) -> None:
        """LabError when nodes run with another secret than these."""
        secrets_fit.require_shared(
            self._run_dir,
            secrets,
            self._env_file,
            any_runs=lambda: any(not each.ended for each in self.project.containers()),
        )

    def miss_volumes(self, current: Network) -> None:
        """Says which volumes are gone; LabError when all are."""
        there = self.project.volumes()
        missing = [node.name for node in current.members if node.name not in there]
        disks.miss(self._run_dir, missing, of=len(current.members), what=_("volume"))

    def settle(self, current: Network, secrets: Secrets) -> None:
        """Keeps, here and beside the volumes, that the project is this folder's."""
        name = self.project.name
        record.settle(self._run_dir, secrets, project=name)
        compose_home.write(
            compose_home.home_of(name, self._run_dir, self._env_file, current, secrets.cluster_id)
        )

    def note_volumes(self, current: Network) -> None:
        """Keeps that every member has its volume, when it has."""
        if set(self.project.volumes()) >= {node.name for node in current.members}:
            record.note_data(self._run_dir)

    def remove_others(self, current: Network) -> None:
        """Removes containers that the lab made and that the network's files name no more."""
        others = [each for each in self.project.containers() if each.service not in current.names]
        self.project.act("rm", others, "--force")

    def undo_faults(self) -> None:
        """Ends chaos, which heals what it broke, and resumes whatever is paused."""
        project = self.project
        causes = [each for each in project.containers(CHAOS_SERVICE) if not each.ended]
        project.act("stop", causes, f"--time={_CHAOS_STOP_SECONDS}")
        project.act("unpause", [each for each in project.containers() if each.state == "paused"])

"""A folder takes on a network: its own after a move, its own whose secrets are gone, or one left over."""

import json
from collections.abc import Mapping
from pathlib import Path

import psutil

from branchlab import settings
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.drivers import compose_home
from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.node_process import NodeProcess
from branchlab.networks.homes import folder, record
from branchlab.networks.homes.folder import Say
from branchlab.networks.homes.leftovers import Leftover, LeftProject
from branchlab.networks.network import Network

_SECRETS = ("CLUSTER_ID", "JWT_SECRET", "REPLICA_SECRET", "ADMIN_USERNAME", "ADMIN_PASSWORD")


def adopt_here(run_dir: Path, env_file: Path, say: Say) -> None:
    """Makes the folder the home of the network that it describes, and writes its secrets' file again if that
    is gone. LabError where the network is another folder's, or nothing is to be adopted."""
    current = network.load(run_dir)
    found = folder.look(run_dir)
    if found.standing == "copied":
        folder.require_own(run_dir)
    kept = record.read(run_dir)
    if found.standing == "own" and env_file.exists():
        raise LabError(_("this folder has its network already, and its secrets: nothing is to be adopted"))
    project = kept.project if kept is not None else ""
    if not env_file.exists():
        values = _running_secrets(run_dir, current, project)
        known = {"CLUSTER_ID": kept.cluster} if kept is not None and not values else values
        if not known:
            raise LabError(
                _(
                    "nothing says any more which CLUSTER_ID the data in {run_dir} have: put {env_file} back",
                    run_dir=run_dir,
                    env_file=env_file,
                )
            )
        _write_secrets(env_file, known, project, say)
    record.settle(run_dir, settings.load(env_file), project=project)
    say(_("{run_dir} is the home of its network; `make up` starts it", run_dir=run_dir))


def adopt_leftover(name: str, left: list[Leftover], run_dir: Path, env_file: Path, say: Say) -> None:
    """Makes the folder, which has no network yet, the home of a Compose project that is left over. LabError
    where it has one, and where there is no such project or nothing describes it."""
    if network.find(run_dir) is not None:
        raise LabError(_("this folder has a network already; adopt another one in a fresh clone"))
    projects = {one.name: one for one in left if isinstance(one, LeftProject)}
    if name not in projects:
        others = ", ".join(projects) or _("nothing")
        raise LabError(
            _(
                "{name} is not left over with containers or volumes here; what is: {others}",
                name=name,
                others=others,
            )
        )
    home = projects[name].home
    if home is None:
        raise LabError(
            _("nothing describes the network of {name} any more; `./lab sweep` removes it", name=name)
        )
    values = _of_containers(name) or {"CLUSTER_ID": home.cluster}
    _write_secrets(env_file, values, name, say)
    network.save(home.described, run_dir)
    secrets = settings.load(env_file)
    record.settle(run_dir, secrets, project=name)
    record.note_data(run_dir)
    compose_home.write(compose_home.home_of(name, run_dir, env_file, home.described, secrets.cluster_id))
    say(_("the network of {run_dir} belongs to this folder now; `make up` starts it", run_dir=home.run_dir))


def _write_secrets(env_file: Path, values: Mapping[str, str], project: str, say: Say) -> None:
    kept = {**values, **({"COMPOSE_PROJECT_NAME": project} if project else {})}
    (settings.renew if env_file.exists() else settings.create)(env_file, kept)
    if "ADMIN_PASSWORD" in values:
        say(_("{env_file} is written from what the nodes were started with", env_file=env_file))
    else:
        say(
            _(
                "{env_file} is new, with the network's CLUSTER_ID: users keep their passwords, and `make"
                " reset-admin NODE=matriz` gives the administrator the one from there",
                env_file=env_file,
            )
        )


def _running_secrets(run_dir: Path, current: Network, project: str) -> dict[str, str]:
    """The secrets that a node of the network has; nothing where none is left that could say."""
    if project:
        return _of_containers(project)
    for name in current.names:
        process = NodeProcess(run_dir / name).process()
        if process is not None:
            try:
                return _secrets_in(process.environ())
            except psutil.Error:  # it ended meanwhile
                continue
    return {}


def _of_containers(project: str) -> dict[str, str]:
    for container in Project(project).containers():
        described = json.loads(run_docker("inspect", container.id))[0]
        found = _secrets_in(dict(pair.split("=", 1) for pair in described["Config"]["Env"]))
        if found:
            return found
    return {}


def _secrets_in(environment: Mapping[str, str]) -> dict[str, str]:
    found = {name: environment[name] for name in _SECRETS if name in environment}
    return found if len(found) == len(_SECRETS) else {}

"""The Docker command line, and the containers of one Compose project found by their labels.

Names differ between Compose versions (p_a_1, p-a-1); labels do not.
"""

import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from branchlab.errors import LabError
from branchlab.language import N_, _
from branchlab.networks.network import NODE_NAMES

NODE_LABEL = "sa.acme.part=node"  # as compose.yaml puts it on every node
_PROJECT = "com.docker.compose.project"
_SERVICE = "com.docker.compose.service"
_VOLUME = "com.docker.compose.volume"
_NETWORK = "com.docker.compose.network"
CHAOS_SERVICE = "chaos"
# What the lab's Compose files name. A project may have more in it, which somebody else made.
_SERVICES = (*NODE_NAMES, CHAOS_SERVICE)
_NETWORKS = ("default",)
_ASK_SECONDS = 10.0
_ACT_SECONDS = 120.0
_INSTEAD = N_("use `make up DRIVER=process`")


class NoDaemonError(LabError):
    """No Docker daemon serves this user: the `reason`, and in the message also what to do."""

    def __init__(self, reason: str, *, advice: str) -> None:
        super().__init__(f"{reason}; {advice}")
        self.reason = reason


@dataclass(frozen=True)
class Container:
    """One container of the project. `state` is Docker's word: running, paused, restarting, exited…"""

    id: str
    service: str
    state: str

    @property
    def ended(self) -> bool:
        return self.state in ("exited", "created", "dead")


def docker_answers() -> bool:
    """Whether a Docker daemon answers on this machine."""
    return why_silent() is None


def why_silent() -> str | None:
    """Why no Docker daemon serves this user, or None when one does."""
    try:
        run_docker("version", "--format", "{{.Server.Version}}", seconds=_ASK_SECONDS)
    except NoDaemonError as error:
        return error.reason
    except LabError as error:  # it hangs
        return str(error)
    return None


def image_exists(tag: str) -> bool:
    """Whether the image is on this machine."""
    return bool(run_docker("images", "--quiet", tag))


def run_docker(*arguments: str, seconds: float = _ACT_SECONDS) -> str:
    """What `docker …` prints. NoDaemonError if no daemon answers, else LabError with its last complaint.

    Each version of Docker has other words for that, so they are not read: the daemon is asked once more.
    """
    ended = _run(arguments, seconds)
    if ended.returncode == 0:
        return ended.stdout
    if arguments[0] == "version" or _run(("version",), _ASK_SECONDS).returncode:
        raise _no_daemon()
    raise LabError(
        _("`docker {arguments}` failed: {last}", arguments=arguments[0], last=_last_line(ended.stderr))
    )


def _run(arguments: Sequence[str], seconds: float) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["docker", *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
            process_group=0,  # Ctrl-C at a terminal would end it in the middle of what cleans up
        )
    except (FileNotFoundError, PermissionError):
        raise NoDaemonError(_("there is no `docker` command here"), advice=_(_INSTEAD)) from None
    except subprocess.TimeoutExpired:
        raise LabError(
            _(
                "`docker {arguments}` does not end after {seconds:.0f} s",
                arguments=arguments[0],
                seconds=seconds,
            )
        ) from None


def _no_daemon() -> NoDaemonError:
    place = socket_path()
    if place is not None and not may_connect(place):
        advice = _(
            "join the group of {place} and log in again, or {instead}", place=place, instead=_(_INSTEAD)
        )
        return NoDaemonError(_("this user may not use the Docker daemon"), advice=advice)
    return NoDaemonError(
        _("no Docker daemon answers"), advice=_("start Docker, or {instead}", instead=_(_INSTEAD))
    )


def socket_path() -> str | None:
    """The Unix socket of the daemon that `docker` would ask, or None where that is none."""
    named = os.environ.get("DOCKER_HOST")
    if not named:
        try:
            named = _run(
                ("context", "inspect", "--format", "{{.Endpoints.docker.Host}}"), _ASK_SECONDS
            ).stdout
        except LabError:
            return None
    scheme, _, path = named.strip().partition("://")
    return path if scheme == "unix" and path else None


def may_connect(path: str) -> bool:
    """Whether this user may use the socket; also True where nobody listens or there is no such socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except PermissionError:
            return False
        except OSError:
            return True
    return True


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else _("it does not say why")


class Project:
    """The containers, networks and volumes that Compose made for one project from the lab's files, whichever
    version it was. What else is in the project is never seen here, and so never stopped or removed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._filter = f"label={_PROJECT}={name}"

    def containers(self, service: str | None = None) -> list[Container]:
        """Those of the lab there are, ended ones included; of one service when it is given."""
        one = ["--filter", f"label={_SERVICE}={service}"] if service else []
        shape = '{{.ID}}\t{{.Label "' + _SERVICE + '"}}\t{{.State}}'
        listed = run_docker(
            "ps", "--all", "--filter", self._filter, *one, "--format", shape, seconds=_ASK_SECONDS
        )
        found = [Container(*line.split("\t")) for line in listed.splitlines()]
        return [container for container in found if container.service in _SERVICES]

    def act(self, verb: str, containers: Sequence[Container], *options: str) -> None:
        """`docker VERB` on all the given containers at once; nothing for none."""
        if containers:
            run_docker(verb, *options, *(container.id for container in containers))

    def last_words(self, container: Container) -> str:
        """The last line it wrote that is not empty."""
        said = subprocess.run(
            ["docker", "logs", "--tail", "20", container.id],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_ASK_SECONDS,
            check=False,
        )
        return _last_line(said.stdout)

    def remove_networks(self) -> None:
        """Nothing happens to a network that containers of somebody else use."""
        others = run_docker("ps", "--all", "--quiet", "--filter", self._filter).split()
        if not others:
            self._remove("network", self._named("network", _NETWORK, _NETWORKS))

    def volumes(self) -> dict[str, str]:
        """NODE → the name of its volume, of those there are."""
        return self._named("volume", _VOLUME, NODE_NAMES)

    def remove_volumes(self) -> None:
        self._remove("volume", self.volumes())

    def remove_volume(self, name: str) -> None:
        """The one that the Compose file calls `name`; nothing when it is not there."""
        self._remove("volume", {key: found for key, found in self.volumes().items() if key == name})

    def _named(self, kind: str, label: str, wanted: Sequence[str]) -> dict[str, str]:
        shape = '{{.Label "' + label + '"}}\t{{.Name}}'
        listed = run_docker(kind, "ls", "--filter", self._filter, "--format", shape).splitlines()
        pairs = (line.split("\t") for line in listed)
        return {key: name for key, name in pairs if key in wanted}

    def _remove(self, kind: str, found: Mapping[str, str]) -> None:
        if found:
            run_docker(kind, "rm", *found.values())

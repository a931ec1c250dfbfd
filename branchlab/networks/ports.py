"""Ports of 127.0.0.1: which are free, and one plain line when one that is needed is not."""

import random
import socket
from collections.abc import Iterable

import psutil

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks.network import NodeAddress

# Below every system's ephemeral range: no outgoing connection takes the port of a node that is stopped.
_AUTOMATIC = range(20000, 30000)
LOCUST_PORT = 18089


def is_free(port: int) -> bool:
    """Whether a node could listen on the port now."""
    with socket.socket() as probe:
        # As uvicorn does it: a port that only lingers from a closed connection counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """The program that listens on the port, in words and as far as this user may see it."""
    try:
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr[1:] == (port,) and each.pid:
                return _(
                    "another program ({name}, pid {pid})", name=psutil.Process(each.pid).name(), pid=each.pid
                )
    except (psutil.Error, OSError):
        pass
    return _("another program")


def find_free(count: int) -> tuple[int, ...]:
    """So many ports that are free now, chosen by chance so that networks side by side rarely meet."""
    found = [port for port in random.sample(_AUTOMATIC, 4 * count + 20) if is_free(port)]
    if len(found) < count:
        raise LabError(
            _(
                "there are no {count} free ports in {start}–{stop}; end some programs",
                count=count,
                start=_AUTOMATIC.start,
                stop=_AUTOMATIC.stop,
            )
        )
    return tuple(found[:count])


def refuse_taken(nodes: Iterable[NodeAddress]) -> None:
    """LabError for the first node whose port another program has."""
    for node in nodes:
        if not is_free(node.port):
            raise LabError(
                _(
                    "port {port}, which {name} needs, is in use by {holder}; end it or choose other ports,"
                    " as in `make up BASE_PORT=18021`, after a `make down` if nodes run",
                    port=node.port,
                    name=node.name,
                    holder=holder(node.port),
                )
            )

"""uvicorn, with every limit that this node puts on connections."""

import asyncio
import gc
import logging
import resource
import socket
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api import AT_ONCE
from app.api.edge import Edge
from app.api.front import Front, glance
from app.config import Settings
from app.runtime import Clock
from app.serving.connections import Connections
from app.serving.quiet_log import QuietLog
from app.serving.watch import MakeCycle, MakeProtocol, Watch
from app.serving.whole_requests import Look, Reader

log = logging.getLogger("app.serving")

STOP_SECONDS = 3  # what open requests get when the node stops
BACKLOG = 1024  # connections that the kernel keeps until they are accepted
ACCEPTS_PER_TURN = 32
"""Connections accepted in one turn of the event loop, at most. One that is closed for another frees its
descriptor up to four turns later."""

LISTENERS = 16
"""How often the socket is listened on under uvloop, which accepts one connection a turn for each. A turn is
long under load: with one a turn, new connections waited for seconds, and their first orders with them."""

GARBAGE = (20_000, 20, 100)
OTHER_DESCRIPTORS = 128  # the database, peers, the log
FEWEST_CONNECTIONS = 16
_PROTOCOL: MakeProtocol = H11Protocol


class NodeServer(uvicorn.Server):
    """Serves on one socket. Where the process has no descriptor left, asyncio pauses for a second; that is
    logged once a minute."""

    def __init__(self, config: uvicorn.Config, *, clock: Clock) -> None:
        super().__init__(config)
        self._no_descriptor = QuietLog(
            log, "no descriptor is left for another connection", now=clock.monotonic
        )
        self._copies: list[socket.socket] = []  # of the sockets, under further descriptors

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(self.note_error)
        times = LISTENERS if self.config.loop == "uvloop" else 1
        self._copies = [each.dup() for each in sockets or () for _ in range(times - 1)]
        await super().startup(None if sockets is None else [*sockets, *self._copies])
        collect_less_often()
        for each in sockets or ():
            each.listen(BACKLOG)  # asyncio took the number of accepts per turn for it

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(None if sockets is None else [*sockets, *self._copies])

    def note_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log an error that the event loop met: the lack of descriptors once a minute."""
        if "out of system resource" in context.get("message", ""):
            self._no_descriptor.warn()
        else:
            loop.default_exception_handler(context)


def collect_less_often() -> None:
    """Leave what the program is made of out of every collection of garbage, and collect less often.

    A request makes a few hundred objects and no cycle, so reference counts free them. With Python's usual
    thresholds the whole heap was walked every few thousand requests, which held up each request of those
    40 ms. Cycles are still found: the youngest after GARBAGE[0] more objects than were freed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def node_server(api: FastAPI, settings: Settings, *, host: str, port: int, clock: Clock) -> NodeServer:
    """The server of a node's application."""
    return NodeServer(server_config(api, settings, host=host, port=port, clock=clock), clock=clock)


def server_config(api: FastAPI, settings: Settings, *, host: str, port: int, clock: Clock) -> uvicorn.Config:
    """uvicorn's configuration: X-Forwarded-For counts only from TRUSTED_PROXIES, and each connection is
    watched."""
    look, quick = quickest()
    watch = Watch(
        Connections(most=most_connections(settings.connections_max, _descriptors())),
        header_seconds=settings.header_seconds,
        write_seconds=settings.write_seconds,
        front=Front(api).decide,
        look=look,
        quick=quick,
        crowded=QuietLog(
            log, "%d connections: one that showed no token is closed for each new one", now=clock.monotonic
        ),
    )
    return uvicorn.Config(
        Edge(api, routes=AT_ONCE, api=api),
        host=host,
        port=port,
        http=cast(type[asyncio.Protocol], watch.over(_PROTOCOL)),
        loop="uvloop" if find_spec("uvloop") else "asyncio",
        ws="none",
        access_log=False,
        backlog=ACCEPTS_PER_TURN,
        timeout_keep_alive=cast(int, settings.keep_alive_seconds),  # uvicorn hands it to the event loop
        timeout_graceful_shutdown=STOP_SECONDS,
        **_proxies(settings.trusted_proxies),
    )


def quickest() -> tuple[Look, MakeCycle | None]:
    """How whole requests are read and served most quickly on this machine. Logs what is missing."""
    if find_spec("uvloop") is None:
        log.warning("uvloop is not installed: the event loop is Python's own, which takes longer")
    if find_spec("httptools") is None:
        log.warning("httptools is not installed: all requests are read by h11, which takes longer")
        return glance, None
    make: MakeCycle = import_module("app.serving.quick_cycle").QuickCycle
    return Reader(import_module("httptools")).read, make


def most_connections(wanted: int, descriptors: int) -> int:
    """How many connections there may be under a limit on the process's descriptors."""
    return min(wanted, max(FEWEST_CONNECTIONS, descriptors - OTHER_DESCRIPTORS - 4 * ACCEPTS_PER_TURN))


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft


def _proxies(trusted: Sequence[str]) -> dict[str, Any]:
    return {"proxy_headers": bool(trusted), "forwarded_allow_ips": list(trusted)}

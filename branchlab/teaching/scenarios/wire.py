"""The wire between nodes, where it goes through the lab: it can be cut, and it can be listened to.

A node of the lab breaks its own links, and signs what it sends. Other nodes do neither, and no node can tell
that it is listened to. So the nodes are given addresses of the lab as their peers', and the lab carries what
they send. It runs in a thread of its own, since nodes start, and send, before a scenario plays.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import h11

from branchlab.faults.words import Link
from branchlab.networks.network import NodeAddress
from branchlab.tasks import cancel

T = TypeVar("T")
_HOST = "127.0.0.1"
_AT_ONCE = 65536  # bytes
_MOST_HEARD = 4_000_000  # bytes that are kept of one connection


@dataclass(frozen=True)
class Heard:
    """A request that a node sent to a peer, as somebody reads it who taps the wire."""

    link: Link
    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass
class _Carried:
    """One link: who sends to whom, at which port the lab answers for the receiver, and what goes over it."""

    link: Link
    port: int
    receiver: NodeAddress
    is_cut: bool = False
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    heard: list[bytearray] = field(default_factory=list)


class Wire:
    """Carries what the nodes send each other, as a context manager. `ports` has one for each link."""

    def __init__(self, nodes: Sequence[NodeAddress], ports: Sequence[int]) -> None:
        pairs = [(one, other) for one in nodes for other in nodes if one != other]
        self._links = {
            Link(one.name, other.name): _Carried(Link(one.name, other.name), port, other)
            for (one, other), port in zip(pairs, ports, strict=True)
        }
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._servers: list[asyncio.Server] = []

    @staticmethod
    def ports_needed(nodes: int) -> int:
        """How many links there are between so many nodes."""
        return nodes * (nodes - 1)

    def settings(self) -> dict[str, dict[str, str]]:
        """NODE → the setting by which it sends to its peers over this wire."""
        peers: dict[str, list[str]] = {}
        for link, carried in self._links.items():
            peers.setdefault(link.sender, []).append(f"{link.receiver}=http://{_HOST}:{carried.port}")
        return {name: {"PEERS": ",".join(urls)} for name, urls in peers.items()}

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self, links: Iterable[Link]) -> None:
        """Ends what is under way on the links, and carries nothing more on them. Safe to repeat."""

        def cut() -> None:
            for link in links:
                self._end(self._links[link])

        self._in_loop(cut)

    def heal(self) -> None:
        """Carries on all links again."""

        def heal() -> None:
            for carried in self._links.values():
                carried.is_cut = False

        self._in_loop(heal)

    def heard(self) -> list[Heard]:
        """Every whole request with a body that was sent so far, link by link."""
        taken: Mapping[Link, list[bytes]] = self._in_loop(
            lambda: {link: [bytes(one) for one in carried.heard] for link, carried in self._links.items()}
        )
        return [heard for link, parts in taken.items() for part in parts for heard in _requests(link, part)]

    def _in_loop(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _end(self, carried: _Carried) -> None:
        carried.is_cut = True
        for writer in carried.open:
            writer.transport.abort()

    async def _open(self) -> None:
        for carried in self._links.values():

            async def carry(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter, over: _Carried = carried
            ) -> None:
                await _carry(over, reader, writer)

            self._servers.append(await asyncio.start_server(carry, _HOST, carried.port))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for carried in self._links.values():
            self._end(carried)
        mine = asyncio.current_task()
        await cancel([task for task in asyncio.all_tasks() if task is not mine])


async def _carry(carried: _Carried, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carries one connection to its end; one over a cut link ends at once."""
    heard = bytearray()
    carried.heard.append(heard)
    carried.open.add(writer)
    there: asyncio.StreamWriter | None = None
    try:
        if not carried.is_cut:
            back, there = await asyncio.open_connection(_HOST, carried.receiver.port)
            carried.open.add(there)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, there, heard))
                both.create_task(_pump(back, writer, None))
    except (OSError, ExceptionGroup):
        return  # either side ended it, or the receiver is not there: the sender sees a broken connection
    finally:
        for one in (writer, there):
            if one is not None:
                carried.open.discard(one)
                one.transport.abort()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, heard: bytearray | None) -> None:
    while data := await source.read(_AT_ONCE):
        if heard is not None and len(heard) < _MOST_HEARD:
            heard += data
        target.write(data)
        await target.drain()
    with suppress(OSError, RuntimeError):
        target.write_eof()


def _requests(link: Link, data: bytes) -> list[Heard]:
    """The whole requests with a body in what one connection carried."""
    found: list[Heard] = []
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    request, body = None, b""
    with suppress(h11.ProtocolError):
        while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                if body:
                    found.append(_heard(link, request, body))
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
                connection.start_next_cycle()
            else:
                break
    return found


def _heard(link: Link, request: h11.Request, body: bytes) -> Heard:
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    return Heard(link, request.method.decode(), request.target.decode("latin-1"), headers, body)

"""Watches each connection between the socket and the HTTP protocol: whether it may stay, and for how long.

It works at the level of transports: uvicorn's HTTP protocol stands behind it. What can be refused on bytes
never gets there, nor what came whole and is served at once.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import h11

from app.api.admission import PASS
from app.api.door import CONNECTION, REPLICA_BODY_BYTES
from app.api.front import Decision, Refused, Repetition, Seen, glance
from app.api.problems.handlers import MEDIA_TYPE
from app.api.problems.words import PROBLEMS
from app.api.safe_headers import SAFE_HEADERS
from app.security.addresses import network_of
from app.services.admission import Pass
from app.serving.connections import Connections
from app.serving.early import Early
from app.serving.quiet_log import QuietLog
from app.serving.whole_requests import Look, WholeRequest

log = logging.getLogger("app.serving")

UNREAD_BYTES = REPLICA_BODY_BYTES + 64 * 1024
"""What a connection may send without a request in service: a header, or a body that was refused unread. It
is thrown away meanwhile, so that the client gets to read the refusal."""

MakeProtocol = Callable[..., Any]
"""uvicorn's HTTP protocol on h11. It has `cycle`, the request in service, with `response_complete`; `conn`,
its parser; and `app_state`, of which each request gets a copy."""


MakeCycle = Callable[[Any, WholeRequest, Pass | None, Callable[[], None]], Any]
"""Makes the service of a whole request, like uvicorn's `RequestResponseCycle`, of the connection's protocol,
the request, its place, and what to call when it is answered."""


@dataclass(frozen=True)
class Watch:
    """What all connections share. `look` sees what a request is by its bytes; `quick` makes what serves one
    that `look` has read whole."""

    connections: Connections["WatchedConnection"]
    header_seconds: float
    write_seconds: float
    crowded: QuietLog
    front: Callable[[Seen], Decision]
    look: Look = glance
    quick: MakeCycle | None = None

    def over(self, make_protocol: MakeProtocol) -> Callable[..., "WatchedConnection"]:
        """What makes a watched connection for the server, with the arguments of a protocol of uvicorn's."""

        def make(*, app_state: Mapping[str, Any], **arguments: Any) -> WatchedConnection:
            watched = WatchedConnection(self)
            watched.protocol = make_protocol(app_state={**app_state, CONNECTION: watched}, **arguments)
            return watched

        return make


class WatchedConnection(asyncio.Protocol):
    """One connection. It is closed in four cases:

    - it takes longer than `header_seconds` over a request's header;
    - it sends more than UNREAD_BYTES without a request in service;
    - for `write_seconds` it reads too little of its answers;
    - others need its place.
    """

    protocol: Any

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None  # while answers pile up here
        self._refused_unread = False  # and nothing more is read for that
        self._unserved = 0  # bytes since a request was in service
        self._admitted: Pass | None = None  # of the request in service
        self._quick: Any = None  # the service of a whole request
        self._later = b""  # what came meanwhile
        self._early = Early(self._release)

    # What the server's transport calls.

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername")
        address = network_of(peer[0]) if isinstance(peer, tuple) else "unknown"
        closed = self._watch.connections.admit(self, address)
        self.protocol.connection_made(transport)
        self._await_header()
        if closed is not None:
            closed.drop()
            self._watch.crowded.warn(len(self._watch.connections))

    def data_received(self, data: bytes) -> None:
        if self._quick is not None:
            self._later += data
            self.protocol.flow.pause_reading()
            return
        if self._early.holds or (self._awaits_request and self._early.comes(data)):
            self._stop_waiting()
            self._is_not_idle()
            self.protocol.flow.pause_reading()
            self._early.hold(data)
            return
        seen = self._watch.look(data) if self._awaits_request else None
        self._go_on(data, seen, None if seen is None else self._watch.front(seen))

    def _go_on(self, data: bytes, seen: Seen | None, decided: Decision) -> None:
        if isinstance(decided, Refused):
            self._early.note(decided, data)
            self._refuse(decided)
            return
        if isinstance(seen, WholeRequest) and self._watch.quick is not None:
            self._serve(self._watch.quick(self.protocol, seen, decided, self._answered), decided)
        else:
            self._hand_on(data, decided)
        if self._serves:
            self._stop_waiting()
            return
        self._unserved += len(data)
        if self._unserved > UNREAD_BYTES:
            self.drop()
        elif self._timer is None:
            self._await_header()

    def eof_received(self) -> bool | None:
        found: bool | None = self.protocol.eof_received()
        return found

    def pause_writing(self) -> None:
        self._unread = self._loop.call_later(self._watch.write_seconds, self.drop)
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        self._stop_writing()
        self.protocol.resume_writing()
        if self._refused_unread:
            self._refused_unread = False
            self.protocol.flow.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self._stop_waiting()
        self._stop_writing()
        self._watch.connections.forget(self)
        self._later = b""
        self._early.end()
        if self._admitted is not None and self._serves:
            self._admitted.gone = True
        self.protocol.connection_lost(error)

    # What the node calls.

    def prove(self) -> None:
        """Note that a valid token came by this connection."""
        self._watch.connections.prove(self)

    def drop(self) -> None:
        """Close it now, whatever it is at. Its place is free at once."""
        self._stop_waiting()
        self._stop_writing()
        self._watch.connections.forget(self)
        self._transport.abort()

    def _refuse(self, refused: Refused) -> None:
        """Answer in the protocol's place: it never sees the request. The connection is as good as new."""
        self._transport.write(refused.answer)
        self._stop_waiting()
        if refused.closes:
            self._transport.close()
            return
        self._await_header()
        self._is_not_idle()
        if self._unread is not None:  # its refusals pile up here, so it gets no more of them
            self._refused_unread = True
            self.protocol.flow.pause_reading()

    def _release(self, data: bytes, repetition: Repetition) -> None:
        """Refuse a request that came too early, now that its time is over. It is older than any request may
        get in a queue, so it is refused also where there is room again."""
        if self._transport.is_closing():
            return
        self.protocol.flow.resume_reading()
        seen = self._watch.look(data) if self._awaits_request else None
        self._go_on(data, seen, None if seen is None else repetition.refuse(seen))

    def _serve(self, cycle: Any, admitted: Pass | None) -> None:
        """Serve a whole request beside the protocol, which sees that a request is in service."""
        protocol = self.protocol
        self._is_not_idle()
        self._admitted = admitted
        protocol.cycle = self._quick = cycle
        task = self._loop.create_task(cycle.run_asgi(protocol.app))
        protocol.tasks.add(task)
        task.add_done_callback(protocol.tasks.discard)

    def _answered(self) -> None:
        """Go on with what came while a whole request was in service."""
        self._quick = None
        self.protocol.on_response_complete()
        later, self._later = self._later, b""
        if later and not self._transport.is_closing():
            self.data_received(later)

    def _hand_on(self, data: bytes, admitted: Pass | None) -> None:
        """Let the protocol have the bytes, and the request in them its place."""
        if admitted is None:
            self.protocol.data_received(data)
            return
        self._admitted = admitted
        before = self.protocol.cycle
        self.protocol.app_state[PASS] = admitted
        self.protocol.data_received(data)
        del self.protocol.app_state[PASS]
        if self.protocol.cycle is before:
            admitted.leave()  # the protocol saw no request in them

    @property
    def _awaits_request(self) -> bool:
        """Whether the next byte begins a request."""
        parser = self.protocol.conn
        return (
            not self._serves
            and not self._transport.is_closing()
            and parser.their_state is h11.IDLE
            and not parser.trailing_data[0]
        )

    @property
    def _serves(self) -> bool:
        cycle = self.protocol.cycle
        return cycle is not None and not cycle.response_complete

    def _await_header(self) -> None:
        self._timer = self._loop.call_later(self._watch.header_seconds, self._close_slow)

    def _stop_waiting(self) -> None:
        self._unserved = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_not_idle(self) -> None:
        """Let the protocol not close the connection for want of a request: it does not see this one."""
        if (idle := self.protocol.timeout_keep_alive_task) is not None:
            idle.cancel()
            self.protocol.timeout_keep_alive_task = None

    def _stop_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _close_slow(self) -> None:
        self._timer = None
        if self._serves:
            return
        if self._unserved and self.protocol.cycle is None:  # else it had its answer, and sends on
            self._transport.write(_SLOW_HEADER)
        self._transport.close()


def _slow_header() -> bytes:
    problem = PROBLEMS["slow_header"]
    body = {
        "type": f"/problems/{problem.code}",
        "title": problem.title.en,
        "status": problem.status,
        "detail": problem.detail.en,
        "code": problem.code,
        "request_id": None,
    }
    content = json.dumps(body).encode()
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(content)),
        "Connection": "close",
        **SAFE_HEADERS,
    }
    lines = [
        f"HTTP/1.1 {problem.status} Request Timeout",
        *(f"{key}: {value}" for key, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


_SLOW_HEADER = _slow_header()

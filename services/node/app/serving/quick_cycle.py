"""The service of one whole request, beside uvicorn's own for what h11 reads. Needs httptools."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from app.api.admission import PASS
from app.api.at_once import WRITE
from app.api.door import WHOLE_BODY
from app.api.heads import HEAD
from app.services.admission import Pass
from app.serving.whole_requests import WholeRequest

_CONTROLS = bytes([*range(32), 127])  # in a header they could end its line
_FRAMING = frozenset((b"connection", b"transfer-encoding"))


class QuickCycle(RequestResponseCycle):
    """As uvicorn's, for a request that is all there. The beginning of an answer is kept back until its body
    begins. If that is all of it, both are written at once."""

    def __init__(
        self, protocol: Any, whole: WholeRequest, admitted: Pass | None, on_response: Callable[[], None]
    ) -> None:
        super().__init__(
            scope=_scope(protocol, whole, admitted),
            transport=protocol.transport,
            flow=protocol.flow,
            logger=protocol.logger,
            access_logger=protocol.access_logger,
            access_log=protocol.access_log,
            default_headers=protocol.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=whole.keeps_alive,
            on_response=on_response,
        )
        self.body = bytearray(whole.body)
        self.more_body = False
        self.message_event.set()
        self.scope["state"][WRITE] = self.write
        self._start: Any = None

    async def run_asgi(self, app: Any) -> None:
        """As uvicorn's. The scope then has this object no more: it would be a circle of garbage for each
        request, and all orders wait for each collection."""
        try:
            await super().run_asgi(app)
        finally:
            self.scope["state"].pop(WRITE, None)

    async def send(self, message: Any) -> None:
        if not self.response_started and message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if not message.get("more_body", False) and self._write_whole(start, message):
                return
            await super().send(start)
        await super().send(message)

    def write(self, status: int, lines: bytes, body: bytes) -> bool:
        """Write a whole answer. `lines` are its header's, each with its end, without Connection. False, and
        nothing done, while the client does not read."""
        if self.flow.write_paused or self.disconnected or self.response_started:
            return False
        own = b"".join([b"%b: %b\r\n" % header for header in self.default_headers])
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self._finish(b"".join((STATUS_LINE[status], own, lines, end, body)))
        return True

    def _finish(self, answer: bytes) -> None:
        self.response_started = self.response_complete = True
        self.transport.write(answer)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _write_whole(self, start: Any, message: Any) -> bool:
        """Write an answer of a stated length. False, and nothing done, for any other and while the client
        does not read."""
        if self.flow.write_paused or self.disconnected:
            return False
        headers = [*self.default_headers, *start.get("headers", ())]
        body, length = message.get("body", b""), b""
        parts = [STATUS_LINE[start["status"]]]
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name in _FRAMING:
                return False
            parts += (name, b": ", value, b"\r\n")
        is_head = self.scope["method"] == "HEAD"
        if not is_head and length != b"%d" % len(body):
            return False
        said = b"".join([part for header in headers for part in header])
        if len(said.translate(None, _CONTROLS)) < len(said):
            return False  # uvicorn raises
        parts.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        if not is_head:
            parts.append(body)
        self._finish(b"".join(parts))
        return True


def _scope(protocol: Any, whole: WholeRequest, admitted: Pass | None) -> Any:
    state = {**protocol.app_state, WHOLE_BODY: whole.body, HEAD: whole.kept}
    if admitted is not None:
        state[PASS] = admitted
    return {
        "type": "http",
        "asgi": {"version": protocol.asgi_version, "spec_version": "2.3"},
        "http_version": "1.1",
        "server": protocol.server,
        "client": protocol.client,
        "scheme": protocol.scheme,
        "method": whole.method,
        "root_path": protocol.root_path,
        "path": protocol.root_path + whole.path,
        "raw_path": protocol.root_path.encode() + whole.raw_path,
        "query_string": whole.query,
        "headers": whole.lines,
        "state": state,
    }

"""The one layer before all routes: what is judged of a request before a route sees it, and the headers of
every answer. Pure ASGI.

It is one layer because each one costs every request two calls and a look at the headers. The rules stand in
the modules beside it.
"""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import admission, door, framing
from app.api.admission import PASS
from app.api.allowed_hosts import is_asked_by_name
from app.api.at_once import WRITE, Asked, AtOnce, Ready, Routes, Write, find, told
from app.api.heads import HEAD, Head
from app.api.json_body import LongWay
from app.api.paths import Paths
from app.api.problems.handlers import Refusal, problem_response, refusal_of
from app.api.problems.language import Language, preferred
from app.api.problems.words import PROBLEMS
from app.api.readiness import closed_because
from app.api.request_ids import request_id_of
from app.api.response_signing import marking
from app.api.safe_headers import RAW_SAFE_HEADERS, SAFE_LINES, raw_headers_at
from app.api.strictness import BODY_BYTES, has_body
from app.domain.errors import CallerGone, Overloaded
from app.node import BranchNode
from app.security.errors import (
    BodiesFull,
    BodyTooLarge,
    Forbidden,
    ReplicaTokenRefused,
    SlowBody,
    TooManyRequests,
    Unauthenticated,
)
from app.services.admission import Pass
from app.services.caller import STAYING

PASSED = "passed"  # in a request's state: it has come through this layer, and is judged no more
_REFUSED = (
    BodiesFull,
    BodyTooLarge,
    CallerGone,
    Forbidden,
    Overloaded,
    ReplicaTokenRefused,
    SlowBody,
    TooManyRequests,
    Unauthenticated,
)


@dataclass(slots=True)
class Visit:
    """A request on its way in. `send` takes an answer that has all of its headers, `answer` one that lacks
    those that every answer has."""

    scope: Scope
    receive: Receive
    send: Send
    answer: Send
    node: BranchNode
    head: Head

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.scope["state"]
        return found

    async def refuse(self, code: str, **data: Any) -> None:
        """Answer with a problem."""
        await self.say(Refusal(code, data), self.language)

    async def refuse_for(self, error: Exception) -> int:
        """Answer with the problem of an error; its status."""
        language = self.language
        refusal = refusal_of(error, language)
        await self.say(refusal, language)
        return PROBLEMS[refusal.code].status

    @property
    def language(self) -> Language:
        """In which language a problem is told."""
        return preferred(self.head.sent.get(b"accept-language", b"").decode("latin-1"))

    async def say(self, refusal: Refusal, language: Language) -> None:
        """Answer with this problem, in one piece where nothing has to be added to it on its way out."""
        request_id = self.state.get("request_id")
        if request_id is None or self.scope["method"] == "HEAD" or self.scope["path"].startswith("/replica/"):
            request = Request(self.scope)
            answer = problem_response(request, refusal.code, refusal.data, headers=refusal.headers)
            await answer(self.scope, self.receive, self.answer)
            return
        await _send(self, told(refusal, language, request_id=request_id))

    async def refuse_for_good(self, code: str) -> None:
        """Answer with a problem, and close the connection: what follows on it may be no request."""
        answer = problem_response(Request(self.scope), code, {})
        answer.headers["connection"] = "close"
        await answer(self.scope, self.receive, self.answer)


def install_edge(app: FastAPI, routes: Routes) -> None:
    """Put the layer before `app`'s routes, and answer requests of `routes` at once where they are plain.
    `app.state.node` must be there when requests come."""
    app.router.redirect_slashes = False  # a redirect would repeat the host that the client named
    app.add_middleware(Edge, routes=routes)


class Edge:
    """Judges a request in this order: how it is framed, its host, whether the node is ready, its lane, its
    token, its body, its turn. Each costs less than the next one.

    A server may put one around the whole application, too (`api`). Then a request that is answered at once
    never gets into FastAPI, and the one inside lets the others pass.
    """

    def __init__(self, app: ASGIApp, *, routes: Routes, api: FastAPI | None = None) -> None:
        self._app = app
        self._routes = routes
        self._api = api
        self._paths = Paths()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        if PASSED in state:
            await self._app(scope, receive, send)
            return
        state[PASSED] = True
        if self._api is not None:
            scope["app"] = self._api
        node: BranchNode = scope["app"].state.node
        head = self._head(scope, node)
        try:
            await self._judge(Visit(scope, receive, send, _dressed(scope, send), node, head))
        finally:
            admitted: Pass | None = state.get(PASS)
            if admitted is not None:
                admitted.leave()

    def _head(self, scope: Scope, node: BranchNode) -> Head:
        kept: dict[Edge, Head] | None = scope["state"].get(HEAD)
        found = None if kept is None else kept.get(self)
        if found is None:
            found = self._look_at_head(scope, node)
            if kept is not None:
                kept[self] = found
        return found

    def _look_at_head(self, scope: Scope, node: BranchNode) -> Head:
        sent = dict(reversed(scope["headers"]))
        return Head(
            sent=sent,
            fault=framing.fault_of(scope, sent),
            has_known_host=is_asked_by_name(sent, node.settings.allowed_hosts),
            takes_body=self._paths.take_body(scope),
            wrong_type=door.wrong_type(scope, sent),
            at_once=find(self._routes, scope["method"], scope["path"]),
        )

    async def _judge(self, visit: Visit) -> None:
        """Whether it may come in, before its body is read."""
        node, head, sent = visit.node, visit.head, visit.head.sent
        if head.fault is not None:
            await visit.refuse_for_good(head.fault)
            return
        if not head.has_known_host:
            await visit.refuse("unknown_host")
            return
        given = sent.get(b"x-request-id", b"").decode("latin-1")
        visit.state["request_id"] = request_id_of(given, random=node.random)
        visit.answer = marking(visit.scope, node, sent, visit.answer)
        reason = closed_because(visit.scope, node)
        if reason is not None:
            await visit.refuse("branch_closed" if node.readiness.closed else "not_ready", reason=reason)
            return
        try:
            admission.look_ahead(visit.scope, node, sent)
            if head.takes_body:
                await self._with_body(visit)
            else:
                door.judge(visit.scope, node, sent, takes_body=False)
                self._paths.refuse_role(visit.scope)
                await self._in_turn(visit)
        except _REFUSED as refused:
            await visit.refuse_for(refused)

    async def _with_body(self, visit: Visit) -> None:
        scope, node = visit.scope, visit.node
        sender = door.judge(scope, node, visit.head.sent, takes_body=True)
        self._paths.refuse_role(scope)
        with node.bodies.holding(sender) as holding:
            try:
                body = await door.read_body(
                    scope, visit.receive, visit.head.sent, holding, patience=node.settings.body_seconds
                )
            except ClientDisconnect:
                return  # half a request has no effect, and nobody hears the answer
            visit.state[BODY_BYTES] = len(body)
            expected = visit.head.wrong_type if body else None
            if expected is not None and not self._paths.refuse_any_body(scope):
                await visit.refuse("unsupported_media_type", expected=expected)
                return
            await self._in_turn(visit, body)

    async def _in_turn(self, visit: Visit, body: bytes | None = None) -> None:
        """Let a whole request begin when it is its turn, and note when its client hangs up before the end."""
        admitted: Pass | None = visit.state.get(PASS)
        if admitted is not None:  # by the server, which notes the end of the connection by itself
            await admitted.begin()
            await self._go_on(visit, body)
            return
        lane = admission.lane_for(visit.scope, visit.node)
        if lane is None:
            await self._go_on(visit, body)
            return
        admitted = visit.state[PASS] = lane.admit(size=admission.stated_size(visit.head.sent))
        read = body is not None
        async with admission.watched(visit.scope, visit.receive, admitted, read=read) as received:
            visit.receive = received
            await admitted.begin()
            await self._go_on(visit, body)

    async def _go_on(self, visit: Visit, body: bytes | None) -> None:
        """Answer at once where that is possible, or let the application answer."""
        scope, at_once = visit.scope, visit.head.at_once
        if at_once is not None and (body is not None or not has_body(scope)):
            try:
                await self._answer_at_once(visit, at_once, body or b"")
            except LongWay:
                pass
            else:
                return
        receive = visit.receive if body is None else door.replayed(body, visit.receive)
        await self._app(scope, receive, visit.answer)

    async def _answer_at_once(self, visit: Visit, at_once: AtOnce, body: bytes) -> None:
        scope, state = visit.scope, visit.state
        asked = Asked(
            node=visit.node,
            name=scope["path"].rpartition("/")[2],
            query=scope["query_string"],
            headers=scope["headers"],
            sent=visit.head.sent,
            state=state,
            body=body,
            caller=state.get(PASS, STAYING),
        )
        try:
            ready = await at_once(asked)
        except LongWay:
            raise
        except Exception as error:
            if await visit.refuse_for(error) == 500:
                raise  # for the server's log, as the application does it
            return
        if isinstance(ready, Ready):
            await _send(visit, ready)
        else:
            await ready(scope, visit.receive, visit.answer)


async def _send(visit: Visit, ready: Ready) -> None:
    state = visit.state
    headers = (
        ready.media_type,
        (b"content-length", b"%d" % len(ready.body)),
        *ready.headers,
        (b"x-request-id", state["request_id"].encode()),
    )
    write: Write | None = state.get(WRITE)
    if write is not None:
        lines = b"".join([b"%b: %b\r\n" % header for header in headers]) + SAFE_LINES
        if write(ready.status, lines, ready.body):
            return
    headers = (*headers, *RAW_SAFE_HEADERS)
    await visit.send({"type": "http.response.start", "status": ready.status, "headers": headers})
    await visit.send({"type": "http.response.body", "body": ready.body})


def _dressed(scope: Scope, send: Send) -> Send:
    """Sends an answer with the headers that every answer has, and with the request's id if it has one."""

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ())]
            request_id = scope["state"].get("request_id")
            if request_id is not None:
                headers = [one for one in headers if one[0] != b"x-request-id"]
                headers.append((b"x-request-id", request_id.encode()))
            there = {name for name, _ in headers}
            headers += [one for one in raw_headers_at(scope["path"]) if one[0] not in there]
            message = {**message, "headers": headers}
        await send(message)

    return answer

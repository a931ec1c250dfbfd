"""Who may see what: the teacher's pages need the key of this start and this very machine; the audience's
pages are for everybody where they are on; nothing else is there."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

TEACHER, AUDIENCE = "/room", "/audience"
_COOKIE = "room"
_KEY_BYTES = 24
_MOST_BODY = 1000  # a vote is far shorter
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


class Gate:
    """Stands before the application. `token` opens the teacher's pages once and is changed for a cookie, so
    that it does not stay in the address for a class to read."""

    def __init__(self, app: App, *, port: int, has_audience: bool, token: str | None = None) -> None:
        self.app = app
        self.token = token or secrets.token_urlsafe(_KEY_BYTES)
        self._session = secrets.token_urlsafe(_KEY_BYTES)
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._has_audience = has_audience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        path: str = scope["path"]
        if path == AUDIENCE or path.startswith(f"{AUDIENCE}/"):
            if not self._has_audience or not _is_short(headers):
                await _refuse(scope, send, 404, "")
                return
        elif not self._is_here(scope, headers):
            await _refuse(scope, send, 403, _FORBIDDEN)
            return
        elif path == "/" and scope["type"] == "http":
            await self._enter(scope, send, headers)
            return
        elif not (path == TEACHER or path.startswith(f"{TEACHER}/")):
            await _refuse(scope, send, 404, "")
            return
        elif not self._is_teacher(headers):
            await _refuse(scope, send, 403, _FORBIDDEN)
            return
        await self.app(scope, receive, _guarded(send))

    def _is_here(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        """Whether somebody at this machine asks, and no page of another site made the browser ask."""
        client = (scope.get("client") or ("",))[0]
        origin = headers.get("origin")
        own = origin is None or origin.partition("://")[2] in self._hosts
        return client in ("127.0.0.1", "::1") and headers.get("host") in self._hosts and own

    def _is_teacher(self, headers: Mapping[str, str]) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        given = cookies[_COOKIE].value if _COOKIE in cookies else ""
        return secrets.compare_digest(given.encode(), self._session.encode())

    async def _enter(self, scope: Scope, send: Send, headers: Mapping[str, str]) -> None:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if secrets.compare_digest(given.encode(), self.token.encode()):
            cookie = f"{_COOKIE}={self._session}; HttpOnly; SameSite=Strict; Path={TEACHER}"
            await _answer(send, 303, "", {"location": f"{TEACHER}/", "set-cookie": cookie})
        elif self._is_teacher(headers):
            await _answer(send, 303, "", {"location": f"{TEACHER}/"})
        else:
            await _refuse(scope, send, 403, _FORBIDDEN)


def _is_short(headers: Mapping[str, str]) -> bool:
    length = headers.get("content-length", "0")
    return length.isdigit() and int(length) <= _MOST_BODY and "transfer-encoding" not in headers


def _guarded(send: Send) -> Send:
    """Adds what keeps a page from asking anybody else for anything."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            added = [
                (b"content-security-policy", _POLICY.encode()),
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"no-referrer"),
            ]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sent


async def _refuse(scope: Scope, send: Send, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await _answer(send, status, text, {})


async def _answer(send: Send, status: int, text: str, headers: Mapping[str, str]) -> None:
    body = text.encode()
    told = {"content-type": "text/html; charset=utf-8", "content-length": str(len(body)), **headers}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


_FORBIDDEN = (Path(__file__).parent / "page" / "forbidden.html").read_text(encoding="utf-8")

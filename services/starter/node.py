"""A node to begin with: it answers, lets the admin in, and says how it is. What comes next: `./lab climb`.

Standard library only. docs/node-contract.md says what the lab asks of a node. Copy this folder, and go on.
"""

import argparse
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

NAME = os.environ["NODE_NAME"]
# PEER → where it answers, from `filial-norte=http://127.0.0.1:18002,filial-sul=http://…`
PEERS = dict(one.split("=", 1) for one in os.environ["PEERS"].split(",") if one)
SECRET = os.environ["JWT_SECRET"].encode()  # the same at every node: so a token of one counts at all
ADMIN = (os.environ["ADMIN_USERNAME"], os.environ["ADMIN_PASSWORD"])
TOKEN_SECONDS = 8 * 3600

# What the node has. Keep it in the file DATABASE_PATH, and it survives a stop.
orders: dict[str, Any] = {}


class Refused(Exception):
    """The request has no effect: a status, and a word that programs go by."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


def sign(words: str) -> str:
    """What nobody can make who does not have the secret."""
    return hmac.new(SECRET, words.encode(), hashlib.sha256).hexdigest()


def make_token(username: str, role: str) -> str:
    """`username.role.end.signature`"""
    words = f"{username}.{role}.{int(time.time()) + TOKEN_SECONDS}"
    return f"{words}.{sign(words)}"


def read_token(header: str) -> tuple[str, str]:
    """Who asks, and in which role, by `Authorization: Bearer …`."""
    words, _, signature = header.removeprefix("Bearer ").rpartition(".")
    if not hmac.compare_digest(sign(words), signature):
        raise Refused(401, "unauthenticated")
    username, role, end = words.rsplit(".", 2)
    if time.time() > int(end):
        raise Refused(401, "unauthenticated")
    return username, role


def log_in(form: dict[str, list[str]]) -> dict[str, Any]:
    given = (form.get("username", [""])[0], form.get("password", [""])[0])
    if given != ADMIN:
        raise Refused(401, "unauthenticated")
    return {
        "access_token": make_token(given[0], "admin"),
        "token_type": "bearer",
        "expires_in": TOKEN_SECONDS,
    }


def status() -> dict[str, Any]:
    """Nodes that have the same show the same digest; `pending` is what a peer has yet to take."""
    digest = hashlib.sha256(json.dumps(orders, sort_keys=True).encode()).hexdigest()
    return {
        "node": NAME,
        "ready": True,
        "digest": digest,
        "counts": {"orders": len(orders)},
        "stock": {"available": 0},
        "pending": dict.fromkeys(PEERS, 0),
    }


def answer(method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
    """The status and the JSON of one request."""
    if (method, path) in (("GET", "/healthz"), ("GET", "/readyz")):
        return 200, {"status": "ready"}
    if (method, path) == ("POST", "/auth/login"):
        return 200, log_in(parse_qs(body.decode()))
    _username, _role = read_token(headers.get("Authorization", ""))
    if (method, path) == ("GET", "/status"):
        return 200, status()
    # Here begins your part: /products, /customers, /users, /stock, /orders, and a route for your peers.
    raise Refused(404, "not_found")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            code, said = answer(self.command, urlsplit(self.path).path, self.headers, body)
        except Refused as refused:
            code, said = refused.status, {"code": refused.code, "status": refused.status}
        text = json.dumps(said).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = handle_one  # noqa: N815  # the names that http.server calls


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    ThreadingHTTPServer((given.host, given.port), Handler).serve_forever()

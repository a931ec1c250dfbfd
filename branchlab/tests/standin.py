"""Answers as a node's health checks do and refuses every login, for tests of what the lab does to processes.

`python standin.py PORT [READY]`: READY is `yes` (default), `no` (503 with a reason) or `exit` (ends at once).
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/healthz" or READY == "yes":
            self._answer(200, b"{}")
        else:
            self._answer(503, b'{"detail": "waiting for the peers"}')

    def do_POST(self) -> None:
        self._answer(401, b'{"code": "unauthenticated"}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


READY = sys.argv[2] if len(sys.argv) > 2 else "yes"
if READY == "exit":
    sys.exit("JWT_SECRET is missing")
HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()

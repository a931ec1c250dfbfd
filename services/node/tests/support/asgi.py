"""Requests as an ASGI server hands them to an application, for tests that speak without a client."""

from collections.abc import Mapping
from typing import Any


def http_scope(
    method: str, path: str, headers: Mapping[str, str], *, client: str = "10.0.0.1", server: str = "matriz"
) -> dict[str, Any]:
    """The scope of a request from an address to a host."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": (client, 1),
        "server": (server, 80),
    }

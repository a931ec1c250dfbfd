"""What an attempt is given: a real network, what an attacker may hold, and the means to look at the nodes."""

import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import psutil

from tests.cluster.cluster import Cluster


@dataclass(frozen=True)
class Arena:
    """A network that is up. `cluster` has its clients, driver and secrets."""

    cluster: Cluster

    def url(self, node: str) -> str:
        return self.cluster.network.url(node)

    def address(self, node: str) -> tuple[str, int]:
        """The host and port of a node, for attempts that speak less than whole HTTP."""
        parts = urlsplit(self.url(node))
        assert parts.hostname is not None, "a node's URL has a host"
        assert parts.port is not None, "a node's URL has a port"
        return parts.hostname, parts.port

    @asynccontextmanager
    async def stranger(self, node: str, *, patience: float = 30.0) -> AsyncIterator[httpx.AsyncClient]:
        """Somebody who reaches a node's port and has no token."""
        async with httpx.AsyncClient(base_url=self.url(node), timeout=patience, trust_env=False) as client:
            yield client

    def replica_headers(
        self,
        path: str,
        body: bytes,
        *,
        sender: str,
        epoch: str,
        receiver: str,
        claims: Mapping[str, Any] | None = None,
    ) -> dict[str, str]:
        """The headers of a request to a replica route, signed by one who has the network's replica secret.
        `claims` replace or add to the token's own."""
        now = time.time()
        payload: dict[str, Any] = {
            "iss": sender,
            "aud": f"replica:{receiver}",
            "epoch": epoch,
            "iat": now,
            "exp": now + 60,
            "jti": uuid.uuid4().hex,
            "method": "POST",
            "path": path,
            "body": hashlib.sha256(body).hexdigest(),
            **(claims or {}),
        }
        token = jwt.encode(payload, self.cluster.secrets.replica_secret, algorithm="HS256")
        return {"X-Replica-Token": token, "Content-Type": "application/json"}

    async def post_as_member(
        self, receiver: str, path: str, message: Mapping[str, Any], *, sender: str, epoch: str
    ) -> httpx.Response:
        """Send a node one message in a member's name, as who has the replica secret can."""
        body = json.dumps(message).encode()
        headers = self.replica_headers(path, body, sender=sender, epoch=epoch, receiver=receiver)
        async with self.stranger(receiver) as client:
            return await client.post(path, content=body, headers=headers)

    def pid(self, node: str) -> int:
        """The process id of a node run by the process driver."""
        stated = json.loads((self.cluster.run_dir / node / "process.json").read_text())
        return int(stated["pid"])

    def memory_bytes(self, node: str) -> int:
        """How much memory a node's process holds now (resident)."""
        return int(psutil.Process(self.pid(node)).memory_info().rss)

    def log_bytes(self, node: str) -> int:
        """How long the log of a node's process is."""
        return (self.cluster.run_dir / node / "node.log").stat().st_size

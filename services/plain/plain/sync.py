"""Replication: each change is an event that goes to every peer, in order, until the peer takes it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from pydantic import BaseModel
from sqlmodel import Session

from plain.config import Settings
from plain.database import REPLICATED, Versioned
from plain.runtime import Clock

_TIMEOUT_SECONDS = 5.0


class Event(BaseModel):
    """A change as full snapshots: `rows` holds, by table, each row that it touched, as it is afterwards."""

    origin: str
    kind: str
    rows: dict[str, list[dict[str, Any]]]


def event_of(kind: str, rows: Sequence[Versioned], *, origin: str) -> Event:
    """The event that says how `rows` are now."""
    by_table: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_table.setdefault(type(row).__name__, []).append(row.model_dump())
    return Event(origin=origin, kind=kind, rows=by_table)


def apply(session: Session, event: Event) -> int:
    """Write each snapshot that is newer than the row here, over the row; returns how many were.

    The newer `versao` wins, and of two equal ones the name later in the alphabet: the same at every node.
    """
    applied = 0
    for table in REPLICATED:
        for snapshot in event.rows.get(table.__name__, []):
            row = table.model_validate(snapshot)
            mine = session.get(table, row.id)
            if mine is None or (row.versao, row.origem) > (mine.versao, mine.origem):
                session.merge(row)
                applied += 1
    return applied


@dataclass
class PeerQueue:
    """What one peer has yet to take, oldest first. It is in memory only: it ends with the process."""

    url: str
    waiting: deque[tuple[datetime, Event]] = field(default_factory=deque)
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: int = 0
    attempts: int = 0
    last_error: str | None = None

    def shown(self, now: datetime) -> dict[str, Any]:
        """The peer in `/status`."""
        return {
            "state": "backing_off" if self.attempts else "ok",
            "pending": len(self.waiting),
            "oldest_pending_seconds": (now - self.waiting[0][0]).total_seconds() if self.waiting else None,
            "acknowledged": self.acknowledged,
            "attempts": self.attempts,
            "next_retry_seconds": None,
            "last_success_at": None,
            "last_error": self.last_error,
        }


class ReplicaSynchronizer:
    """Sends events to all peers, to each in order and each event until a 2xx. A dead peer delays no other."""

    def __init__(
        self, settings: Settings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._transport = transport
        self.peers = {name: PeerQueue(url) for name, url in settings.peers.items()}

    def publish(self, event: Event) -> None:
        """Queue the event for every peer. Call it after the commit."""
        for peer in self.peers.values():
            peer.waiting.append((self._clock.now(), event))
            peer.filled.set()

    async def run(self) -> None:
        """Send until cancelled. A proxy of the environment has no part in it."""
        http = httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT_SECONDS, trust_env=False)
        async with http, asyncio.TaskGroup() as senders:
            for peer in self.peers.values():
                senders.create_task(self._send_all(http, peer))

    async def _send_all(self, http: httpx.AsyncClient, peer: PeerQueue) -> None:
        while True:
            await peer.filled.wait()
            if not peer.waiting:
                peer.filled.clear()
            elif await self._is_taken(http, peer, peer.waiting[0][1]):
                peer.waiting.popleft()
            else:
                await self._clock.sleep(self._settings.replication_retry_seconds)

    async def _is_taken(self, http: httpx.AsyncClient, peer: PeerQueue, event: Event) -> bool:
        headers = {"X-Replica-Token": self._settings.replica_secret.get_secret_value()}
        try:
            answer = await http.post(f"{peer.url}/replica/event", json=event.model_dump(), headers=headers)
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            peer.attempts, peer.last_error = peer.attempts + 1, str(error) or type(error).__name__
            return False
        peer.acknowledged, peer.attempts, peer.last_error = peer.acknowledged + 1, 0, None
        return True

"""What knocks at a node's replica routes: right tokens, and one of each kind of impostor."""

import hashlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt

from branchlab.nodes.contract import Status
from tests.cluster.cluster import Cluster

RECEIVER, SENDER = "matriz", "filial-norte"
SENDER_EPOCH = "e" * 32  # a life of the sender's that nobody heard of: its history begins with our batch
FORGED_SECRET = "x" * 64


@dataclass(frozen=True)
class Door:
    """One replica route of the receiver, and a body it would take from the sender."""

    path: str
    body: bytes


@dataclass(frozen=True)
class Token:
    """A replica token that is right for `Door` unless told otherwise; times are relative to now."""

    iss: str = SENDER
    aud: str = f"replica:{RECEIVER}"
    epoch: str = SENDER_EPOCH
    life_seconds: float = 60
    method: str = "POST"
    path: str | None = None
    body: bytes | None = None
    without: tuple[str, ...] = field(default=())

    def sign(self, door: Door, secret: str, *, algorithm: str = "HS256") -> str:
        now = time.time()
        claims: dict[str, Any] = {
            "iss": self.iss,
            "aud": self.aud,
            "epoch": self.epoch,
            "iat": now,
            "exp": now + self.life_seconds,
            "method": self.method,
            "path": self.path or door.path,
            "body": hashlib.sha256(door.body if self.body is None else self.body).hexdigest(),
        }
        kept = {name: value for name, value in claims.items() if name not in self.without}
        return jwt.encode(kept, secret if algorithm == "HS256" else "", algorithm=algorithm)


def product_batch(cluster: Cluster, receiver: Status) -> bytes:
    """One event of the sender's that creates the product SMUGGLED."""
    sku = "SMUGGLED"
    product = {
        "id": str(uuid.uuid5(uuid.UUID(cluster.secrets.cluster_id), f"product:{sku.casefold()}")),
        "sku": sku,
        "name": "Never ordered",
        "price_cents": 1,
        "lamport": 1,
        "stamp_node": SENDER,
        "stamp_epoch": SENDER_EPOCH,
    }
    event = {
        "seq": 1,
        "event_id": str(uuid.uuid4()),
        "kind": "product_upserted",
        "entity": product["id"],
        "schema_version": 1,
        "lamport": 1,
        "body": product,
    }
    batch = {
        "origin": SENDER,
        "epoch": SENDER_EPOCH,
        "to_epoch": receiver["epoch"],
        "after": {"seq": 0, "event_id": ""},
        "through": {"seq": 1, "event_id": event["event_id"]},
        "lamport": 1,
        "events": [event],
    }
    return httpx.Request("POST", "http://node", json=batch).content


def wish_for_units(receiver: Status, product_id: str) -> bytes:
    """A wish of the sender's for three units of a product that the receiver holds."""
    wish: dict[str, object] = {
        "to_epoch": receiver["epoch"],
        "epoch": SENDER_EPOCH,
        "product_id": product_id,
        "wanted": 3,
        "age": None,
        "lamport": 1,
        "cells": [],
    }
    return httpx.Request("POST", "http://node", json=wish).content


def wrong_headers(cluster: Cluster, door: Door, client_token: str) -> dict[str, dict[str, str]]:
    """What each kind of impostor sends, by what is wrong with it."""
    secret = cluster.secrets.replica_secret
    replica_tokens = {
        "signed with another secret": Token().sign(door, FORGED_SECRET),
        "signed with the clients' secret": Token().sign(door, cluster.secrets.jwt_secret),
        "not signed": Token().sign(door, "", algorithm="none"),
        "expired": Token(life_seconds=-1).sign(door, secret),
        "good for an hour": Token(life_seconds=3600).sign(door, secret),
        "for another receiver": Token(aud="replica:filial-sul").sign(door, secret),
        "for clients": Token(aud="client").sign(door, secret),
        "for another path": Token(path="/replica/elsewhere").sign(door, secret),
        "for another method": Token(method="PUT").sign(door, secret),
        "for another body": Token(body=door.body + b" ").sign(door, secret),
        "without a body's hash": Token(without=("body",)).sign(door, secret),
        "without an end": Token(without=("exp",)).sign(door, secret),
        "a client's token": client_token,
        "no token at all": "",
        "no JWT": "let me in",
    }
    return {
        **{words: {"X-Replica-Token": token} for words, token in replica_tokens.items()},
        "no header": {},
        "a client's token in its own header": {"Authorization": f"Bearer {client_token}"},
    }


def wrong_senders(cluster: Cluster, door: Door) -> dict[str, dict[str, str]]:
    """Well-signed tokens of senders that the batch does not belong to."""
    tokens = {
        "of a stranger": Token(iss="stranger"),
        "of another member": Token(iss="filial-sul"),
        "of another life": Token(epoch="f" * 32),
    }
    secret = cluster.secrets.replica_secret
    return {words: {"X-Replica-Token": token.sign(door, secret)} for words, token in tokens.items()}


async def knock(url: str, door: Door, headers: Mapping[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        content_type = {"Content-Type": "application/json"}
        return await http.post(door.path, content=door.body, headers={**content_type, **headers})

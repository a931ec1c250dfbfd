"""Changed messages: damaged ones, and those that only another version would write."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any
from unittest import mock

from app.security.replica_tokens import ReplicaTokens
from app.sync.wire import kinds
from app.sync.wire.kinds import KINDS
from app.sync.wire.messages import SCHEMA_VERSION
from tests.support.network import REPLICA_SECRET

EVENTS = "/replica/event"
NEWER = ".2"
"""What the next version of an event kind is called: this version knows none of them."""

MOST_FLIPPED = 3
_NONSENSE: tuple[Any, ...] = (None, [], {}, 7, "", {"order": None}, {"product": {}, "cells": [{}]})


def damage(body: bytes, random: Random) -> bytes:
    """A message of which some bytes were flipped, or whose end is missing."""
    if not body:
        return body
    if random.random() < 0.5:
        return body[: random.randrange(len(body))]
    damaged = bytearray(body)
    for _ in range(random.randint(1, MOST_FLIPPED)):
        damaged[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return bytes(damaged)


def poison(body: bytes, random: Random) -> bytes | None:
    """A batch with one event that this version cannot apply, or that no version can; None where the batch has
    no event."""
    batch = json.loads(body)
    if not batch["events"]:
        return None
    event = random.choice(batch["events"])
    how = random.choice(("kind", "schema", "nonsense"))
    if how == "kind":
        event["kind"] += NEWER
    elif how == "schema":
        event["schema_version"] = SCHEMA_VERSION + 1
    else:
        event["body"] = random.choice(_NONSENSE)
    return json.dumps(batch).encode()


def signed(
    sender: str, receiver: str, path: str, body: bytes, headers: Mapping[str, str], *, now: float
) -> dict[str, str]:
    """The headers of a message whose body was rewritten, as its sender would have made them."""
    tokens = ReplicaTokens(name=sender, secret=REPLICA_SECRET, series="poisoned")
    epoch = json.loads(body)["epoch"]
    token = tokens.issue(receiver, epoch=epoch, method="POST", path=path, body=body, receiver_now=now)
    return {**headers, "x-replica-token": token}


@contextmanager
def upgraded() -> Iterator[None]:
    """Every node knows the next version's events: they are as this one's."""
    newer = {f"{name}{NEWER}": kind for name, kind in KINDS.items()}
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(KINDS, newer))
        stack.enter_context(mock.patch.object(kinds, "SCHEMA_VERSION", SCHEMA_VERSION + 1))
        yield

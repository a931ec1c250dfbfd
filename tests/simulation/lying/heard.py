"""What a liar has learned about the others, from the messages that it sent and received."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

Row = dict[str, Any]
CellKey = tuple[str, str, str]
"""(product, branch, epoch)."""


@dataclass
class Heard:
    """What a liar at the branch `me` may use for its lies.

    - `epochs` are the present epochs of the other branches, `ghosts` those that it invented for them.
    - `cells`, `orders`, `products` and `events` are the last rows and events that it read.
    - `touched` are the ids of catalogue rows that it changed in a message, whoever had written them.
    """

    me: str
    epochs: dict[str, str] = field(default_factory=dict)
    ghosts: dict[str, str] = field(default_factory=dict)
    cells: dict[CellKey, Row] = field(default_factory=dict)
    orders: dict[str, Row] = field(default_factory=dict)
    products: dict[str, Row] = field(default_factory=dict)
    events: dict[str, Row] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def read(self, sender: str, message: bytes) -> None:
        """Learn from a message of `sender`, which may be the liar's own node."""
        try:
            body = json.loads(message)
        except ValueError:
            return
        if not isinstance(body, dict):
            return
        if sender != self.me and isinstance(body.get("epoch"), str):
            self.epochs[sender] = body["epoch"]
        for event in body.get("events") or ():
            if isinstance(event, dict) and "event_id" in event:
                self.events[str(event.get("kind"))] = event
        for row in _rows(body):
            if {"product_id", "branch", "epoch", "granted"} <= row.keys():
                self.cells[row["product_id"], row["branch"], row["epoch"]] = row
            elif {"id", "branch", "lines"} <= row.keys():
                self.orders[row["id"]] = row
            elif {"id", "sku", "price_cents"} <= row.keys():
                self.products[row["id"]] = row

    def others(self, but: str = "") -> list[str]:
        """The other branches of which it knows the present epoch, sorted."""
        return sorted(branch for branch in self.epochs if branch != but)

    def ghost(self, branch: str, random: Random) -> str:
        """An epoch that it invented for a branch: the same one until the end."""
        return self.ghosts.setdefault(branch, f"{random.getrandbits(128):032x}")

    def key(self, branch: str) -> str:
        """The life of a branch, as messages write it."""
        return f"{branch}@{self.epochs[branch]}"


def _rows(body: Any) -> Iterator[Row]:
    """Every object in a message, at any depth."""
    if isinstance(body, dict):
        yield body
        for value in body.values():
            yield from _rows(value)
    elif isinstance(body, list):
        for value in body:
            yield from _rows(value)

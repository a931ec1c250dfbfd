"""What the simulator makes of parked events: which are not lost, and which may stay parked."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.sync.wire.messages import SCHEMA_VERSION
from tests.simulation.machines.tampering import NEWER
from tests.simulation.watching import parked
from tests.simulation.watching.view import View

LIFE = ("matriz", "first")


def keep(
    file: sqlite3.Connection, seq: int, body: Any, *, kind: str = "order_created", schema: int = 1
) -> None:
    event = json.dumps({"schema_version": schema, "body": body})
    file.execute(
        "INSERT INTO parked VALUES (?, ?, ?, ?, ?, 'an order', ?)", (*LIFE, seq, f"event {seq}", kind, event)
    )


@pytest.fixture
def files() -> Iterator[dict[str, sqlite3.Connection]]:
    """Two files, as far as parked events and lives that are over go."""
    with closing(sqlite3.connect(":memory:")) as norte, closing(sqlite3.connect(":memory:")) as sul:
        for file in (norte, sul):
            file.executescript(
                "CREATE TABLE parked (origin, epoch, seq, event_id, kind, entity, body);"
                "CREATE TABLE epochs (branch, epoch, dead);"
                "CREATE TABLE parked_elsewhere (peer, peer_epoch, epoch, first_seq, last_seq);"
                "INSERT INTO epochs VALUES ('matriz', 'first', 1)"
            )
        yield {"norte": norte, "sul": sul}


def test_what_an_event_tells_whole_is_still_there(files: dict[str, sqlite3.Connection]) -> None:
    cell = {"product_id": "CAFE", "branch": "matriz", "epoch": "first", "sold": 2}
    keep(files["norte"], 1, {"order": {"id": "an order", "version": 2}}, kind=f"order_created{NEWER}")
    keep(files["norte"], 2, {"product": {}, "cells": [cell]}, kind="stock_update", schema=SCHEMA_VERSION + 1)
    bodies: list[Any] = [None, [], 7, {"order": None}, {"cells": [{}]}]
    for seq, nonsense in enumerate(bodies, start=3):
        keep(files["norte"], seq, nonsense)

    assert parked.orders(files["norte"]) == {"an order": 2}
    assert parked.cells(files["norte"], ("sold",)) == {("CAFE", *LIFE): (2,)}


def test_only_nonsense_that_every_node_keeps_of_a_life_that_is_over_may_stay(
    files: dict[str, sqlite3.Connection],
) -> None:
    for file in files.values():
        keep(file, 1, None)
        keep(file, 2, None, kind=f"order_created{NEWER}")
        keep(file, 3, None, schema=SCHEMA_VERSION + 1)
    keep(files["sul"], 4, None)
    assert parked.lost(files) == {(*LIFE, 1, "event 1")}

    files["sul"].execute("UPDATE epochs SET dead = 0")
    assert parked.lost(files) == set()


def test_a_file_says_which_orders_of_a_life_it_parked_and_its_owner_which_it_knows_of(
    files: dict[str, sqlite3.Connection], template: Path
) -> None:
    with closing(sqlite3.connect(template)) as file:
        for seq, kind in ((5, f"order_created{NEWER}"), (6, "stock_update")):
            file.execute(
                "INSERT INTO parked VALUES (?, ?, ?, ?, ?, 'an order', 'null', '', 0, 0, 0.0, 0, '')",
                (*LIFE, seq, f"event {seq}", kind),
            )
        view = View(template, file)
        view.take_in_parked_orders(view.changed()["parked"])
    files["sul"].execute("INSERT INTO parked_elsewhere VALUES ('norte', 'a', 'first', 5, 6)")

    assert view.parked_orders == {LIFE: [(5, "an order")]}
    assert parked.told(files["sul"], ("norte", "a"), "first") == {5, 6}

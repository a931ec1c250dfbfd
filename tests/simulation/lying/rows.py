"""Lies about stock, orders and the catalogue: rows that their branches never wrote."""

import copy
from typing import Any

from tests.simulation.lying.heard import Row
from tests.simulation.lying.telling import EVENT, MOST, SEAL, SNAPSHOT, TOTALS, TRANSFER, Telling

UNITS = (1, 50, 1_000_000, 2**62)
"""What a forged row grants or counts more than the true one."""
TIMES = (1e12, -1e12, 253_402_300_800.0, 1e300)
"""Seconds since 1970 that no calendar has."""
GRANTS = (200, 5_000)
"""The grants of an enormous stock row."""
_COUNTS = ("received", "returned", "returned_frozen", "recovered", "written_off", "sold", "removed")


def foreign_cell(telling: Telling) -> str | None:
    """A stock row of another branch, which grants the receiver units; or one of the receiver's own."""
    branch = telling.someone()
    return None if branch is None else _say_cell(telling, branch, telling.heard.epochs[branch])


def ghost_cell(telling: Telling) -> str | None:
    """The stock row of a life that another branch never had: it received units, and granted them."""
    branch = telling.someone()
    if branch is None or branch not in telling.heard.ghosts:
        return None
    return _say_cell(telling, branch, telling.heard.ghosts[branch])


def own_cell(telling: Telling) -> str | None:
    """The liar's own stock row: it has units that never arrived, and grants them. That is in its power."""
    epoch = telling.body.get("epoch")
    if (telling.path == EVENT and telling.answer) or not isinstance(epoch, str):
        return None
    return _say_cell(telling, telling.heard.me, epoch)


def _say_cell(telling: Telling, branch: str, epoch: str) -> str | None:
    product = _product(telling)
    place = _place_for_cells(telling, branch, product)
    if product is None or place is None or telling.to not in telling.heard.epochs:
        return None
    cell = copy.deepcopy(telling.heard.cells.get((product, branch, epoch))) or _empty(product, branch, epoch)
    units = telling.random.choice(UNITS)
    granted = cell["granted"]
    to = telling.heard.key(telling.to)
    if branch == telling.to:  # its own row, as it never wrote it
        field = telling.random.choice(_COUNTS)
        cell[field] = min(cell[field] + units, MOST)
    else:
        cell["received"] = min(cell["received"] + units, MOST)
        granted[to] = min(granted.get(to, 0) + units, MOST)
    cell["version"] += telling.random.choice((0, 1, 1000))
    cell["version"] = max(cell["version"], 1)
    place[:] = [row for row in place if (row.get("branch"), row.get("epoch")) != (branch, epoch)]
    place.append(cell)
    if telling.path == TRANSFER and telling.answer:
        telling.body["granted"] = min(units, MOST)
    return f"{units} units by {branch}@{epoch} of {product}"


def _product(telling: Telling) -> str | None:
    asked = telling.body.get("product_id")
    known = sorted(telling.heard.products)
    if asked is None and telling.path == TRANSFER and telling.body.get("cells"):
        asked = telling.body["cells"][0].get("product_id")
    return asked or (telling.random.choice(known) if known else None)


def _place_for_cells(telling: Telling, branch: str, product: str | None) -> list[Row] | None:
    """Where a message of this kind has stock rows."""
    body = telling.body
    if telling.path in (TRANSFER, SEAL):
        cells: list[Row] | None = body.get("cells")
        return cells
    if telling.path == SNAPSHOT and telling.answer and body.get("relation") == "stock":
        rows: list[Row] = body["rows"]
        return rows
    if telling.path == EVENT and not telling.answer and body["events"] and product is not None:
        event = _stock_event(telling, product)
        place: list[Row] = event["body"]["cells"]
        return place
    if telling.path == TOTALS and telling.answer and product is not None:
        event = _stock_event(telling, product)
        event["seq"] = telling.random.randint(1, 40)
        origin, epoch = branch, telling.heard.epochs.get(branch, "")
        body.setdefault("parked", []).append(
            {"origin": origin, "epoch": epoch, "event": event, "reason": "waiting"}
        )
        parked: list[Row] = event["body"]["cells"]
        return parked
    return None


def _stock_event(telling: Telling, product: str) -> Row:
    """An event of the batch about the product's stock, made of another one where there is none."""
    events: list[Row] = telling.body.get("events", [])
    found = [event for event in events if event["kind"] == "stock_update" and event["entity"] == product]
    if found:
        return found[0]
    fresh: Row = {
        "seq": 1,
        "event_id": f"{telling.random.getrandbits(128):032x}",
        "schema_version": 1,
        "lamport": 1,
        "revisions": {},
    }
    event = events[0] if events else fresh
    event |= {
        "kind": "stock_update",
        "entity": product,
        "body": {"product": copy.deepcopy(telling.heard.products[product]), "cells": []},
    }
    return event


def _empty(product: str, branch: str, epoch: str) -> Row:
    counts = dict.fromkeys(_COUNTS, 0)
    return {"product_id": product, "branch": branch, "epoch": epoch, **counts, "granted": {}, "version": 0}


def foreign_order(telling: Telling) -> str | None:
    """An order of another branch that it never took, or that it cancelled; or an own one by another's id."""
    orders = telling.heard.orders
    theirs = sorted(key for key, order in orders.items() if order["branch"] != telling.heard.me)
    if not theirs:
        return None
    order = copy.deepcopy(orders[telling.random.choice(theirs)])
    how = telling.random.choice(("cancelled", "invented", "stolen", "smaller"))
    if how == "cancelled":
        order |= {"status": "cancelled", "version": order["version"] + 1}
    elif how == "invented":
        order |= {"id": _fresh_id(telling), "number": "FORGED-1", "idempotency_key": "forged"}
    elif how == "stolen":
        order |= {"branch": telling.heard.me, "version": order["version"] + 1}
    else:
        order["version"] += 1
        order["lines"] = order["lines"][:1]
        order["lines"][0]["quantity"] = 1
    said = _say_order(telling, order)
    return f"{how} order {order['id']} of {order['branch']}" if said else None


def _say_order(telling: Telling, order: Row) -> bool:
    body = telling.body
    if telling.path == SNAPSHOT and telling.answer and body.get("relation") == "orders":
        body["rows"] = [row for row in body["rows"] if row.get("id") != order["id"]] + [order]
        return True
    event = _order_event(telling)
    if event is None:
        return False
    if telling.path == EVENT and not telling.answer and body["events"]:
        body["events"][-1] |= {**event, "seq": body["events"][-1]["seq"], "entity": order["id"]}
        body["events"][-1]["body"]["order"] = order
        return True
    if telling.path == TOTALS and telling.answer:
        event |= {"entity": order["id"], "seq": telling.random.randint(1, 40)}
        event["body"]["order"] = order
        origin = order["branch"]
        epoch = telling.heard.epochs.get(origin, order["epoch"])
        parked = {"origin": origin, "epoch": epoch, "event": event, "reason": "waiting"}
        body.setdefault("parked", []).append(parked)
        return True
    return False


def _order_event(telling: Telling) -> Row | None:
    found = telling.heard.events.get("order_created")
    return None if found is None else copy.deepcopy(found)


def odd_catalogue(telling: Telling) -> str | None:
    """A product, a customer or a user that breaks a rule: another key, a wrong type, a text without end."""
    rows = [event["body"] for event in telling.body.get("events", ()) if isinstance(event.get("body"), dict)]
    found = [row for row in _catalogue(rows, telling) if "id" in row]
    if not found:
        return None
    row = telling.random.choice(found)
    telling.heard.touched.add(str(row["id"]))
    name, value = telling.random.choice(_odd_values(row))
    row[name] = value
    row["lamport"] = row.get("lamport", 1) + telling.random.choice((0, 5, 100))
    return f"{name} of {row['id']} is {str(value)[:20]!a}"


def _catalogue(bodies: list[Row], telling: Telling) -> list[Row]:
    rows = [row for body in bodies for row in (body.get("product"), body.get("customer"), body) if row]
    if telling.path == SNAPSHOT and telling.answer:
        is_catalogue = telling.body.get("relation") in ("products", "customers", "users")
        rows += telling.body["rows"] if is_catalogue else []
    return [row for row in rows if isinstance(row, dict)]


def _odd_values(row: Row) -> list[tuple[str, Any]]:
    odd: list[tuple[str, Any]] = [
        ("name", "x" * 100_000),
        ("name", None),
        ("name", "\ud800"),
        ("id", row["id"] + "0"),
        ("stamp_node", ""),
        ("extra", {"deep": [[[[[[[[]]]]]]]]}),
    ]
    if "sku" in row:
        odd += [("sku", "OTHER"), ("sku", row["id"]), ("price_cents", MOST), ("price_cents", -5)]
    if "code" in row:
        odd += [("code", "OTHER"), ("code", row["id"])]
    return odd


def odd_times(telling: Telling) -> str | None:
    """An order of the liar's own, taken at a time that no calendar has."""
    time = telling.random.choice(TIMES)
    found = [
        event["body"]["order"]
        for event in telling.body.get("events", ())
        if isinstance(event.get("body"), dict) and isinstance(event["body"].get("order"), dict)
    ]
    if telling.path == SNAPSHOT and telling.answer and telling.body.get("relation") == "orders":
        found += [row for row in telling.body["rows"] if row.get("branch") == telling.heard.me]
    for order in found:
        order["created_at"] = time
    return f"taken at {time:g}" if found else None


def odd_lamports(telling: Telling) -> str | None:
    """Logical times, seqs and quantities at the end of what numbers can say."""
    body = telling.body
    far = telling.random.choice((MOST, MOST - 1, 10**15))
    if telling.path == TRANSFER:
        name = telling.random.choice(("lamport", "wanted") if not telling.answer else ("lamport", "granted"))
        body[name] = far
        return f"{name} is {far}"
    if telling.path != EVENT or telling.answer or not body["events"]:
        return None
    how = telling.random.choice(("batch", "event", "row", "through", "quantity"))
    event = telling.random.choice(body["events"])
    inside = event["body"] if isinstance(event["body"], dict) else {}
    if how == "batch":
        body["lamport"] = far
    elif how == "event":
        event["lamport"] = far
    elif how == "through":
        body["through"]["seq"] = far
    else:
        row = inside.get("order") or inside.get("product") or inside
        row["lamport"] = far
        telling.heard.touched.update(
            str(found["id"]) for found in (inside.get("product"), inside) if found and "id" in found
        )
        for line in row.get("lines", ())[:1] if how == "quantity" else ():
            line["quantity"] = far
    return f"{how} is at {far}"


def many_grants(telling: Telling) -> str | None:
    """A stock row of the liar's own with thousands of grants to lives that never were."""
    if telling.path not in (EVENT, TRANSFER) or (telling.path == EVENT and telling.answer):
        return None
    product = _product(telling)
    place = _place_for_cells(telling, telling.heard.me, product)
    epoch = telling.body.get("epoch")
    if product is None or place is None or not isinstance(epoch, str):
        return None
    many, salt = telling.random.choice(GRANTS), telling.random.getrandbits(32)
    known = telling.heard.cells.get((product, telling.heard.me, epoch))
    cell = copy.deepcopy(known) if known else _empty(product, telling.heard.me, epoch)
    cell["granted"] |= {f"{telling.heard.me}@{salt:08x}{number:024x}": 1 for number in range(many)}
    cell["version"] += many
    place.append(cell)
    return f"{many} grants"


def _fresh_id(telling: Telling) -> str:
    text = f"{telling.random.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-7{text[13:16]}-8{text[17:20]}-{text[20:]}"

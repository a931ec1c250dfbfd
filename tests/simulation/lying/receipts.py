"""Lies in answers: what was stored, what is wanted, what a page holds, and that a life is over."""

import hashlib
import json
from contextlib import suppress
from typing import Any

from app.database.digest import canonical
from app.state.registry import replicated
from app.sync.peering.transport import Response
from tests.simulation.lying.hellos import FAR
from tests.simulation.lying.telling import EVENT, MOST, SNAPSHOT, TRANSFER, Telling

REFUSALS: tuple[tuple[int, str], ...] = (
    (409, "dead_epoch"),
    (409, "stale_incarnation"),
    (409, "wrong_epoch"),
    (409, "gap"),
    (409, "fork"),
    (410, "trimmed"),
    (401, "unauthenticated"),
    (413, "body_too_large"),
    (429, "too_many_requests"),
    (503, "not_ready"),
    (507, "disk_full"),
)


def refusal(telling: Telling) -> tuple[str, Response]:
    """An answer that refuses the receiver's message, for a reason that is none."""
    status, code = telling.random.choice(REFUSALS)
    said: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": code,
        "status": status,
        "code": code,
        "detail": "so it is",
        "request_id": "0" * 32,
    }
    far = telling.random.choice(FAR)
    more: dict[str, dict[str, Any]] = {
        "dead_epoch": {"branch": telling.to, "living": ["e" * 32]},
        "wrong_epoch": {"epoch": "d" * 32},
        "gap": {"position": {"seq": far, "event_id": "a" * 32}},
        "unauthenticated": {"reason": "expired_token", "now": telling.random.choice((1e300, -1e18, 0.0))},
    }
    said |= more.get(code, {})
    return f"{status} {code}", Response(status=status, body=json.dumps(said).encode())


def far_position(telling: Telling) -> str | None:
    """A receipt for events that the receiver never wrote, or for none."""
    position = telling.body.get("position")
    if telling.path != EVENT or not telling.answer or position is None:
        return None
    far = telling.random.choice((-position["seq"], 0, *FAR))
    position["seq"] = min(position["seq"] + far, MOST)
    position["event_id"] = f"{telling.random.getrandbits(128):032x}" if position["seq"] else ""
    return f"stored up to {position['seq']}"


def want_everything(telling: Telling) -> str | None:
    """A wish for all units that there are, before everybody else's."""
    if telling.path != TRANSFER or telling.answer:
        return None
    telling.body |= {"wanted": MOST, "age": [0, "", ""]}
    return "all units, first of all"


def half_a_page(telling: Telling) -> str | None:
    """A page without half of its rows, and none after it."""
    if telling.path != SNAPSHOT or not telling.answer or "rows" not in telling.body:
        return None
    rows = telling.body["rows"]
    telling.body |= {"rows": rows[: len(rows) // 2], "next": None}
    return f"{len(rows) // 2} of {len(rows)} rows"


def endless_pages(telling: Telling) -> str | None:
    """A page after which the same one follows."""
    if telling.path != SNAPSHOT or not telling.answer or "next" not in telling.body:
        return None
    telling.body["next"] = "0"
    return "pages without end"


def seal_page(body: dict[str, Any]) -> None:
    """Give a changed page the hash of what it holds now. A text that is no Unicode has none."""
    before = body.get("before", {})
    with suppress(UnicodeEncodeError):
        first = [canonical(row) for relation in replicated.relations() for row in before.get(relation, ())]
        rows = [canonical(row) for row in body["rows"]]
        body["sha256"] = hashlib.sha256(b"\n".join((*first, *rows))).hexdigest()

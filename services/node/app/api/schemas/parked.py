"""Parked events, and what came of trying them again."""

from app.api.schemas.base import Answer, Time, shows

_EPOCH = "0f8e7d6c5b4a39281706f5e4d3c2b1a0"


class ParkedEvent(Answer):
    """An event that could not be applied, and why. `waiting` ones lack something that may still come."""

    model_config = shows(
        {
            "key": f"filial-sul@{_EPOCH}/000000000042/9d1c5e0f8a7b6c3d2e1f0a9b8c7d6e5f",
            "origin": "filial-sul",
            "epoch": _EPOCH,
            "seq": 42,
            "kind": "order_placed",
            "entity": "01a20acc-9a14-7540-9da5-e425fd41dda8",
            "reason": "UnknownReference: ('customer', ['5505cbfc-dda3-5b1d-b5d5-ba06d9db6d0e'])",
            "waiting": True,
            "attempts": 3,
            "parked_at": "2026-11-23T22:01:00.250000+00:00",
        }
    )

    key: str
    origin: str
    epoch: str
    seq: int
    kind: str
    entity: str
    reason: str
    waiting: bool
    attempts: int
    parked_at: Time


class Replayed(Answer):
    """How many parked events could be applied now, and how many could not."""

    model_config = shows({"applied": 3, "left": 0})

    applied: int
    left: int

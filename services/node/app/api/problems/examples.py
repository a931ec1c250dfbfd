"""One instance of each problem, as a node answers it: with words filled in, and its data beside them.

What has an error of the table is made of such an error, so the fields shown are those that clients get.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from app.api.problems.handlers import invalid_data, problem_document
from app.api.problems.table import say
from app.database import AlteredRow, OutcomeUnknown, StorageError, StorageFull
from app.domain import errors as state
from app.security import errors as door
from app.sync.wire import errors as sync
from app.sync.wire.messages import Head

REQUEST_ID = "0f0e0d0c0b0a09080706050403020100"
_EPOCH, _LATER_EPOCH = "5b16613c32a08ea89d4f20d4e32bb794", "c1d3b8a45f6e4d0b9a7c2e8f10364b52"
_ORDER = "01a20acc-9a14-7540-9da5-e425fd41dda8"
_NOON = 1_795_521_600.0
_SHORT = state.Shortage(
    product_id="7f1d4b0c-51c8-5ac1-8e2f-0a1b2c3d4e5f",
    sku="CAFE-500",
    wanted=12,
    available_here=5,
    available_company=9,
)

ERRORS: tuple[Exception, ...] = (
    state.OutOfStock([_SHORT]),
    state.UnknownReference("product", ["CHA-100"]),
    state.UnknownReference("customer", ["PADARIA-LUA"]),
    state.NotFound("order", _ORDER),
    state.AlreadyExists("product", "CAFE-500"),
    state.OtherBranch("filial-sul"),
    state.EffectParked(_ORDER),
    state.KeyReused("counter-1-0001"),
    state.LastAdmin("94adc724-d295-5ec4-bf82-2726eac972e6"),
    state.Overloaded(1.25),
    state.NotReady("rebuilding"),
    state.PolicyMismatch("filial-sul", "optimistic"),
    state.Fenced("another process lives on a copy of this branch's data"),
    state.NotTheCounter("filial-norte"),
    state.CountBlocked("filial-sul", "decommissioned_without_majority"),
    state.OwnBranch("matriz"),
    state.BranchClosed(),
    state.Decommissioned("filial-sul"),
    state.BeyondBounds("heads", "too_long"),
    state.UnconfirmedDeath("filial-sul", _EPOCH),
    state.DeadEpoch("filial-sul", _EPOCH, (_LATER_EPOCH,)),
    door.Unauthenticated("missing_token"),
    door.ReplicaTokenUsed("used_token", _NOON),
    door.ReplicaTokenRefused("expired_token", _NOON),
    door.Forbidden("admin"),
    door.Throttled(4.0),
    door.LoginsBusy(1.5),
    door.TooManyRequests(0.5),
    door.BodiesFull(8 * 1024 * 1024),
    door.BodyTooLarge(1024 * 1024),
    door.SlowBody(),
    sync.WrongEpoch(_LATER_EPOCH),
    sync.StaleIncarnation("filial-sul"),
    sync.Gap(Head(seq=41, event_id="9d1c5e0f8a7b6c3d2e1f0a9b8c7d6e5f")),
    sync.Fork("filial-sul", 42),
    sync.Incompatible("no_common_protocol"),
    sync.NotTheSender("filial-sul"),
    sync.KeptFull("filial-sul", 268_435_456),
    StorageFull(),
    OutcomeUnknown(),
    AlteredRow("customers", "5505cbfc-dda3-5b1d-b5d5-ba06d9db6d0e"),
    StorageError(),
)

_WITHOUT_ERROR: Mapping[str, Mapping[str, Any]] = {
    "bad_request": {},
    "unknown_host": {},
    "method_not_allowed": {},
    "slow_header": {},
    "header_too_large": {},
    "framed_twice": {},
    "internal_error": {},
    "unsupported_media_type": {"expected": "application/json"},
    "validation": invalid_data([("body", "lines[0].quantity", "too_small", {"ge": 1})], "en"),
}


@cache
def data() -> Mapping[str, Mapping[str, Any]]:
    """The data of one instance of each problem, by code."""
    said = [say(error) for error in ERRORS]
    return {**_WITHOUT_ERROR, **{one.code: one.data for one in said if one is not None}}


def document(code: str, **other: Any) -> dict[str, Any]:
    """An instance of the problem as a client reads it in English; `other` takes the place of its data."""
    return problem_document(code, "en", {**data()[code], **other}, request_id=REQUEST_ID)


def of_entity(code: str, entity: str, key: str) -> dict[str, Any]:
    """An instance of a problem that names a thing of this kind."""
    return document(code, entity=entity, key=key)


def of_query(field: str, reason: str) -> dict[str, Any]:
    """A refusal of a field in the query."""
    return document("validation", **invalid_data([("query", field, reason, {})], "en"))

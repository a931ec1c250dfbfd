"""The one table from every error a client may hear of to its problem's code and data.

`problem_words` has each code's status and words; `problems` turns both into answers.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.database import AlteredRow, OutcomeUnknown, StorageError, StorageFull
from app.domain import characters
from app.domain import errors as state
from app.security.errors import (
    BodiesFull,
    BodyTooLarge,
    Forbidden,
    LoginsBusy,
    ReplicaTokenRefused,
    ReplicaTokenUsed,
    SlowBody,
    Throttled,
    TooManyRequests,
    Unauthenticated,
)
from app.sync.wire import errors as sync


@dataclass(frozen=True)
class Said:
    """What is said of one error: which problem it is, and its data for the client."""

    code: str
    data: Mapping[str, Any]


def say(error: Exception) -> Said | None:
    """What to say of an error, or None for one that no client should hear about."""
    words = _words_of(type(error))  # type: ignore[arg-type]  # mypy: a class's own __hash__ hides that of type
    return None if words is None else words(error)


@cache  # there are as many classes as the program has
def _words_of(kind: type[Exception]) -> Callable[[Any], Said] | None:
    return next((words for base, words in _ERRORS if issubclass(kind, base)), None)


def _shortage(error: Any) -> Said:
    shortages = [
        {
            "sku": short.sku,
            "wanted": short.wanted,
            "available_here": short.available_here,
            "available_company": short.available_company,
        }
        for short in error.shortages
    ]
    return Said("out_of_stock", {**shortages[0], "shortages": shortages})


def _unknown_reference(error: state.UnknownReference) -> Said:
    code = "unknown_sku" if error.entity == "product" else f"unknown_{error.entity}"
    return Said(code, {"keys": list(error.keys), "listed": ", ".join(map(characters.shown, error.keys))})


def _incompatible(error: sync.Incompatible) -> Said:
    known = {} if error.position is None else {"position": error.position.model_dump(), "ahead": error.ahead}
    return Said("incompatible", {"reason": error.reason, **known})


def _plain(code: str, *names: str) -> Callable[[Any], Said]:
    return lambda error: Said(code, {name: getattr(error, name) for name in names})


def _later(code: str) -> Callable[[Any], Said]:
    return lambda error: Said(code, {"retry_after_seconds": error.retry_after})


# The first row whose class fits counts, so a base class stands below its children.
_ERRORS: tuple[tuple[type[Exception], Callable[[Any], Said]], ...] = (
    (state.OutOfStock, _shortage),
    (state.OutOfRights, _shortage),
    (state.UnknownReference, _unknown_reference),
    (state.NotFound, _plain("not_found", "entity", "key")),
    (state.AlreadyExists, _plain("already_exists", "entity", "key")),
    (state.OtherBranch, _plain("other_branch", "branch")),
    (state.EffectParked, _plain("effect_parked")),
    (state.KeyReused, _plain("key_reused")),
    (state.LastAdmin, _plain("last_admin")),
    (state.Overloaded, _plain("overloaded", "retry_after_seconds")),
    (state.CallerGone, lambda _error: Said("overloaded", {})),  # nobody reads it
    (state.NotReady, _plain("not_ready", "reason")),
    (state.PolicyMismatch, _plain("policy_mismatch", "peer", "policy")),
    (state.Fenced, _plain("fenced", "reason")),
    (state.NotTheCounter, _plain("not_the_counter", "branch")),
    (state.CountBlocked, _plain("count_blocked", "member", "reason")),
    (state.OwnBranch, _plain("own_branch", "branch")),
    (state.BranchClosed, _plain("branch_closed")),
    (state.Decommissioned, _plain("decommissioned", "branch")),
    (state.BeyondBounds, _plain("beyond_bounds", "field", "reason")),
    (state.UnconfirmedDeath, _plain("unconfirmed_death", "branch", "epoch")),
    (state.DeadEpoch, _plain("dead_epoch", "branch", "epoch", "living")),
    (Unauthenticated, _plain("unauthenticated", "reason")),
    (ReplicaTokenUsed, _plain("used_token", "reason", "now")),
    (ReplicaTokenRefused, _plain("replica_token_refused", "reason", "now")),
    (Forbidden, _plain("forbidden", "role")),
    (Throttled, _later("throttled")),
    (LoginsBusy, _later("logins_busy")),
    (TooManyRequests, _later("too_many_requests")),
    (BodiesFull, _plain("bodies_full", "limit")),
    (BodyTooLarge, _plain("body_too_large", "limit")),
    (SlowBody, _plain("slow_body")),
    (sync.WrongEpoch, _plain("wrong_epoch", "epoch")),
    (sync.StaleIncarnation, _plain("stale_incarnation", "node")),
    (sync.Gap, lambda error: Said("gap", {"position": error.position.model_dump()})),
    (sync.Fork, _plain("fork", "origin", "seq")),
    (sync.Incompatible, _incompatible),
    (sync.NotTheSender, _plain("not_the_sender", "sender")),
    (sync.KeptFull, _plain("kept_full", "branch", "limit")),
    (StorageFull, _plain("disk_full")),
    (OutcomeUnknown, _plain("outcome_unknown")),
    (AlteredRow, _plain("altered_row", "relation", "key")),
    (StorageError, _plain("storage_failed")),
    (sqlite3.Error, _plain("storage_failed")),
)

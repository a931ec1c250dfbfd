"""What an operator makes of an answer, in the terms of the lab's own client."""

from typing import Any

import httpx

from branchlab.nodes.outcome import Refused, Unknown, value_of

# What a healthy or a disturbed node may well say to a sensible request. Anything else is a mistake, of the
# node or of the load test, and fails the run.
_EXPECTED_REFUSALS = {
    "out_of_stock",
    "unreachable",
    "not_ready",
    "overloaded",
    "throttled",
    "policy_mismatch",
    "fenced",
    "disk_full",
    "storage_failed",
}
_SERVER_ERROR = 500


def value_in(status: int, body: bytes | None, error: BaseException | None) -> Any:
    """The value in an answer of any HTTP library, whose `status` is 0 when there was none but `error`.

    Raises Refused or Unknown, as `NodeClient` does.
    """
    if status:
        return value_of(httpx.Response(status, content=body or b""))
    if isinstance(error, ConnectionRefusedError):
        raise Refused(0, "unreachable", {"detail": str(error)})
    raise Unknown(f"{type(error).__name__}: {error}")


def is_expected(refused: Refused) -> bool:
    """Whether a node may refuse a sensible request so: sold out, or not able to serve at the moment."""
    return refused.code in _EXPECTED_REFUSALS


def is_failure(outcome: Refused | Unknown) -> bool:
    """Whether Locust counts it as a failure: everything but an expected refusal by a node that answered."""
    return isinstance(outcome, Unknown) or outcome.status == 0 or not is_expected(outcome)


def is_mistake(outcome: Refused | Unknown, status: int) -> bool:
    """Whether no node should ever give this answer: a 500, or a refusal that nothing explains."""
    return status == _SERVER_ERROR or (isinstance(outcome, Refused) and not is_expected(outcome))

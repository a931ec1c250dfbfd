"""What became of a call to a node. Every call ends in one of three ways, and callers rely on the difference:

a value           the node did it;
raises Refused    the node certainly did not do it, and says why;
raises Unknown    nobody can say: retry only what is harmless to repeat (an order with the same key).
"""

from collections.abc import Mapping
from typing import Any

import httpx

from branchlab.language import deferred
from branchlab.nodes.reasons import reason_of

# The 5xx that certainly stored nothing.
_DEFINITE_5XX = {
    "not_ready",
    "overloaded",
    "policy_mismatch",
    "fenced",
    "branch_closed",
    "storage_failed",
    "disk_full",
    "bodies_full",
    "logins_busy",
}
# Of a node that is not there, knows no users yet, has too much to do, starts, rebuilds or finds its disk bad.
_PASSING = {0, 401, 429, 503}


class Refused(Exception):
    """The request certainly had no effect. `code` is the problem's stable word, `problem` its whole body.

    `status` is 0 and `code` "unreachable" when no connection came about, so that nothing was sent.
    """

    def __init__(self, status: int, code: str, problem: Mapping[str, Any]) -> None:
        said = problem.get("detail") or problem.get("title") or deferred("no reason given")
        super().__init__(deferred("{status} {code}: {said}", status=status, code=code, said=said))
        self.status = status
        self.code = code
        self.problem = problem

    @property
    def passes(self) -> bool:
        """Whether the node may answer otherwise a little later, with nobody changing the request."""
        return self.status in _PASSING


class Unknown(Exception):
    """A time-out, a broken connection or a 5xx: the request may have had its effect or not."""


def value_of(response: httpx.Response) -> Any:
    """The value a node answered with. Raises Refused or Unknown, as every call does."""
    body = _json(response)
    if response.is_success:
        if body is None and response.content:
            raise Unknown(deferred("{status} with a body that is not JSON", status=response.status_code))
        return body
    problem: dict[str, Any] = body if isinstance(body, dict) else {}
    code = str(problem.get("code", "no_code"))
    if response.is_client_error or code in _DEFINITE_5XX:
        raise Refused(response.status_code, code, problem)
    raise Unknown(f"{response.status_code} {code}")


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def outcome_of(error: httpx.TransportError) -> Refused | Unknown:
    """What became of a call that got no answer."""
    words = reason_of(error)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Refused(0, "unreachable", {"detail": words})
    return Unknown(words)

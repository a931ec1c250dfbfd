"""X-Replica-Token: proves that a request comes from a member, for this node, with this very body, now.

It is stamped by the receiver's clock (from hello, or from `now` in its 401), so that a wrong clock never
stops replication. Its key and audience differ from those of client tokens, so neither token is accepted in
place of the other. The answer carries a mark in return. It proves that the answer comes from a member, is
whole, and belongs to this very request.

A token is good for one request (app.security.used_tokens): who repeats a message issues another.
"""

import hashlib
import hmac
import itertools
from dataclasses import dataclass
from typing import Any

from app.security.errors import ReplicaTokenRefused, ReplicaTokenUsed
from app.security.json_web_tokens import (
    OtherAudience,
    UnreadableToken,
    decode,
    encode,
    payload_of,
    signed_part,
)
from app.security.used_tokens import UsedTokens

REQUEST_HEADER = "x-replica-token"
ANSWER_HEADER = "x-replica-answer"
LIFE_SECONDS = 60
_LEEWAY_SECONDS = 5  # how far the sender's idea of our clock may run ahead
_ID_BYTES = 16  # of the digest by which a used token is remembered
_MOST_DECODED = 256  # tokens whose bodies are still on their way
_CLAIMS = ("iss", "aud", "epoch", "iat", "exp", "method", "path", "body")


@dataclass(frozen=True)
class ReplicaClaims:
    """The sender of the request: a node's name and its life."""

    sender: str
    epoch: str


class ReplicaTokens:
    """Issues this node's tokens and checks those of requests to it. A previous secret is still accepted, so
    that secrets can be rotated without a stop. `series` is drawn for each process, so that no two tokens are
    alike; `used` remembers the tokens of requests to this node."""

    def __init__(
        self,
        *,
        name: str,
        secret: str,
        previous: str | None = None,
        series: str = "",
        used: UsedTokens | None = None,
    ) -> None:
        self._name = name
        self._secret = secret
        self._accepted = (secret,) if previous is None else (secret, previous)
        self._series = series
        self._numbers = itertools.count(1)
        self._used = used or UsedTokens(())
        self._decoded: dict[str, dict[str, Any]] = {}

    def issue(
        self, receiver: str, *, epoch: str, method: str, path: str, body: bytes, receiver_now: float
    ) -> str:
        """A token for one request to `receiver`, valid for 60 s by the receiver's clock. `epoch` is the
        sender's."""
        payload = {
            "iss": self._name,
            "aud": _audience(receiver),
            "epoch": epoch,
            "iat": receiver_now,
            "exp": receiver_now + LIFE_SECONDS,
            "method": method,
            "path": path,
            "body": _digest(body),
            "jti": self._next_id(),
        }
        return encode(payload, self._secret)

    def again(self, token: str) -> str:
        """Another token for the very request that this one was issued for."""
        return encode({**payload_of(token), "jti": self._next_id()}, self._secret)

    def check_header(self, token: str | None, *, method: str, path: str, now: float) -> None:
        """Check all of a token that needs no body, so that the body of a stranger is never read. Raises
        ReplicaTokenRefused with the reason and `now`."""
        payload = self._header(token, method=method, path=path, now=now)
        self._decoded[token or ""] = payload
        if len(self._decoded) > _MOST_DECODED:
            del self._decoded[next(iter(self._decoded))]

    def verify(self, token: str | None, *, method: str, path: str, body: bytes, now: float) -> ReplicaClaims:
        """The sender of exactly this request, whose token is used up by it. Raises ReplicaTokenRefused with
        the reason and `now`."""
        payload = self._header(token, method=method, path=path, now=now)
        stated = payload["body"].encode("utf-8", "replace")
        if not hmac.compare_digest(stated, _digest(body).encode()):
            raise ReplicaTokenRefused("other_body", now)
        once = hashlib.sha256(signed_part(token or "")).digest()[:_ID_BYTES]
        times = {"issued_at": payload["iat"], "ends_at": payload["exp"], "now": now}
        if not self._used.use(payload["iss"], once, **times):
            raise ReplicaTokenUsed("used_token", now)
        return ReplicaClaims(sender=payload["iss"], epoch=payload["epoch"])

    def mark(self, token: str, *, status: int, body: bytes) -> str:
        """The mark of an answer to the request that came with `token`."""
        return _mark(self._secret, token, status, body)

    def is_marked(self, mark: str | None, token: str, *, status: int, body: bytes) -> bool:
        """Whether an answer comes from a member, is whole, and belongs to the request that was sent with
        `token`."""
        given = (mark or "").encode("utf-8", "replace")
        known = [_mark(secret, token, status, body).encode() for secret in self._accepted]
        return any(hmac.compare_digest(given, mark) for mark in known)

    def _next_id(self) -> str:
        return f"{self._series}-{next(self._numbers)}"

    def _header(self, token: str | None, *, method: str, path: str, now: float) -> dict[str, Any]:
        if not token:
            raise ReplicaTokenRefused("missing_token", now)
        payload = self._payload(token, now)
        reason = _refusal(payload, method=method, path=path, now=now)
        if reason is not None:
            raise ReplicaTokenRefused(reason, now)
        return payload

    def _payload(self, token: str, now: float) -> dict[str, Any]:
        known = self._decoded.pop(token, None)
        if known is not None:
            return known
        try:
            return decode(token, secrets=self._accepted, audience=_audience(self._name), claims=_CLAIMS)
        except OtherAudience:
            raise ReplicaTokenRefused("other_receiver", now) from None
        except UnreadableToken:
            raise ReplicaTokenRefused("invalid_token", now) from None


def _refusal(payload: dict[str, Any], *, method: str, path: str, now: float) -> str | None:
    texts = [payload[name] for name in ("iss", "epoch", "method", "path", "body")]
    times = [payload["iat"], payload["exp"]]
    if not all(isinstance(value, str) and value for value in texts) or not all(
        type(value) in (int, float) for value in times
    ):
        return "invalid_token"
    conditions = (
        ("expired_token", payload["exp"] > now),
        ("valid_too_long", payload["exp"] <= now + LIFE_SECONDS + _LEEWAY_SECONDS),
        ("other_path", (payload["method"], payload["path"]) == (method, path)),
    )
    return next((reason for reason, holds in conditions if not holds), None)


def _mark(secret: str, token: str, status: int, body: bytes) -> str:
    stated = "\n".join(("answer", token, str(status), _digest(body)))
    return hmac.new(secret.encode(), stated.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _audience(receiver: str) -> str:
    return f"replica:{receiver}"


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()

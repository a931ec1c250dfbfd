"""The tokens of people's clients: the user, when the token ends, and the version of the user's rights."""

from dataclasses import dataclass
from random import Random
from typing import Any

from app.security.errors import Unauthenticated
from app.security.json_web_tokens import UnreadableToken, decode, encode

ISSUER = "acme-branch-lab"
AUDIENCE = "client"
_CLAIMS = ("iss", "aud", "sub", "role", "ver", "cred", "jti", "iat", "exp")

# A token is valid at every branch, and branches' clocks differ: one issued "in the future" by less than
# this is taken. Its signature, not its date, says that it is ours.
_CLOCK_SKEW_SECONDS = 2 * 3600


@dataclass(frozen=True)
class Claims:
    """The content of a token. All of it is compared with the live user on each request.

    `credentials` names the edit that set the password. The version alone is not enough: changes on both sides
    of a partition can raise it to the same number.
    """

    user_id: str
    role: str
    token_version: int
    credentials: str


@dataclass(frozen=True, slots=True)
class Validity:
    """When a token is valid, by the wall clock: from `since` on, and before `until`."""

    since: float
    until: float

    def covers(self, wall: float) -> bool:
        """Whether the token is valid at `wall`."""
        return self.since <= wall < self.until


@dataclass(frozen=True, slots=True)
class ReadToken:
    """A valid token as it was read."""

    claims: Claims
    validity: Validity


@dataclass(frozen=True)
class IssuedToken:
    """A token to hand out, and for how many seconds it is valid."""

    access_token: str
    expires_in: int


class ClientTokens:
    """Issues and reads client tokens (JWT, HS256 pinned). A previous secret is still accepted, so that
    secrets can be rotated without a stop. Times are seconds of the injected wall clock."""

    def __init__(self, *, secret: str, previous: str | None, minutes: int, random: Random) -> None:
        self._secret = secret
        self._accepted = (secret,) if previous is None else (secret, previous)
        self._seconds = minutes * 60
        self._random = random

    def issue(self, claims: Claims, *, now: float) -> IssuedToken:
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": claims.user_id,
            "role": claims.role,
            "ver": claims.token_version,
            "cred": claims.credentials,
            "jti": self._random.randbytes(16).hex(),
            "iat": int(now),
            "exp": int(now) + self._seconds,
        }
        return IssuedToken(encode(payload, self._secret), self._seconds)

    def read(self, token: str, *, now: float) -> ReadToken:
        """A valid token's claims and validity. Raises Unauthenticated for any other text."""
        payload = self._payload(token)
        texts = [payload[name] for name in ("sub", "role", "cred", "jti")]
        times = [payload[name] for name in ("ver", "iat", "exp")]
        if not all(isinstance(value, str) for value in texts) or not all(type(n) is int for n in times):
            raise Unauthenticated("invalid_token")
        if payload["exp"] <= now:
            raise Unauthenticated("expired_token")
        if payload["iat"] > now + _CLOCK_SKEW_SECONDS or payload["exp"] - payload["iat"] > self._seconds:
            raise Unauthenticated("invalid_token")
        claims = Claims(payload["sub"], payload["role"], payload["ver"], payload["cred"])
        return ReadToken(claims, Validity(payload["iat"] - _CLOCK_SKEW_SECONDS, payload["exp"]))

    def _payload(self, token: str) -> dict[str, Any]:
        try:
            return decode(token, secrets=self._accepted, audience=AUDIENCE, claims=_CLAIMS, issuer=ISSUER)
        except UnreadableToken:
            raise Unauthenticated("invalid_token") from None

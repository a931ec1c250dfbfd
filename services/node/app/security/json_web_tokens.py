"""Signing and reading tokens (JWT, HS256 pinned): what the tokens of clients and of nodes have in common."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import jwt

_ALGORITHM = "HS256"


class UnreadableToken(Exception):
    """The text is no token that has all claims and is signed under an accepted secret."""


class OtherAudience(UnreadableToken):
    """The token is signed under an accepted secret, for another audience."""


def encode(payload: Mapping[str, Any], secret: str) -> str:
    """A token that says `payload`, signed under `secret`."""
    return jwt.encode(dict(payload), secret, algorithm=_ALGORITHM)


def decode(
    token: str, *, secrets: Sequence[str], audience: str, claims: Collection[str], issuer: str | None = None
) -> dict[str, Any]:
    """The payload of a token that is signed under one of `secrets` and has all `claims`, for this audience
    and of this issuer, if one is given. Raises UnreadableToken for every other text.

    No time in it is checked: PyJWT takes no clock, so callers compare times with the injected one.
    """
    options: Any = {
        "require": list(claims),
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
    }
    for secret in secrets:
        try:
            return dict(
                jwt.decode(
                    token, secret, algorithms=[_ALGORITHM], audience=audience, issuer=issuer, options=options
                )
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidAudienceError:
            raise OtherAudience from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            break
    raise UnreadableToken

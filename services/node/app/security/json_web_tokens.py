"""Signing and reading tokens (JWT, HS256 pinned): what the tokens of clients and of nodes have in common."""

from collections.abc import Collection, Mapping, Sequence
from hmac import compare_digest, digest
from typing import Any

import jwt
from jwt.utils import base64url_decode

_ALGORITHM = "HS256"


class UnreadableToken(Exception):
    """The text is no token that has all claims and is signed under an accepted secret."""


class OtherAudience(UnreadableToken):
    """The token is signed under an accepted secret, for another audience."""


def encode(payload: Mapping[str, Any], secret: str) -> str:
    """A token that says `payload`, signed under `secret`."""
    return jwt.encode(dict(payload), secret, algorithm=_ALGORITHM)


def signed_part(token: str) -> bytes:
    """The part of a valid token that its signature covers. Only that names a token: one signature can be
    written in several ways."""
    return token.rpartition(".")[0].encode()


def payload_of(token: str) -> dict[str, Any]:
    """The payload of a token that this process issued itself, unchecked."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


def decode(
    token: str, *, secrets: Sequence[str], audience: str, claims: Collection[str], issuer: str | None = None
) -> dict[str, Any]:
    """The payload of a token that is signed under one of `secrets` and has all `claims`, for this audience
    and of this issuer, if one is given. Raises UnreadableToken for every other text.

    No time in it is checked: PyJWT takes no clock, so callers compare times with the injected one.
    """
    if not _is_signed(token, secrets):
        raise UnreadableToken
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


def _is_signed(token: str, secrets: Sequence[str]) -> bool:
    """Whether the text is signed under one of the secrets. PyJWT parses a text before it looks; a text that
    nobody signed is to cost less."""
    part, _, signature = token.rpartition(".")
    try:
        given, signed = base64url_decode(signature.encode()), part.encode()
    except ValueError:
        return False
    return any(compare_digest(digest(one.encode(), signed, "sha256"), given) for one in secrets)

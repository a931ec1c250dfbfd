"""Passwords (bcrypt), clients' tokens (JWT) and the one token that all nodes share."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
from jwt.types import Options
from passlib.hash import bcrypt

from plain.config import Settings


@dataclass(frozen=True)
class Caller:
    """Who asks, and in which role."""

    username: str
    role: str


def hash_password(password: str, *, rounds: int) -> str:
    """The salted hash to store. It takes about 0.2 s at 12 rounds: never call it on the event loop."""
    return str(bcrypt.using(rounds=rounds).hash(password))


def check_password(password: str, password_hash: str | None, *, rounds: int) -> bool:
    """Whether `password` made the hash. None (an unknown user) is refused after the same time."""
    nobody = f"$2b${rounds:02d}${'.' * 53}"
    try:
        same = bool(bcrypt.verify(password, password_hash or nobody))
    except ValueError:  # over 72 bytes, or with NUL: no such password was ever stored
        return False
    return same and password_hash is not None


def issue_token(caller: Caller, settings: Settings, *, now: datetime) -> str:
    """A token for `Authorization: Bearer`, good at every branch."""
    ends = now + timedelta(minutes=settings.jwt_minutes)
    claims = {"sub": caller.username, "role": caller.role, "iat": now, "exp": ends}
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm="HS256")


def read_token(token: str, settings: Settings, *, now: datetime) -> Caller | None:
    """Who holds the token; None if it is not ours or has ended. Roles are as they were at the login."""
    # PyJWT knows only the machine's clock.
    options: Options = {"require": ["sub", "role", "exp"], "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(token, settings.jwt_secret.get_secret_value(), ["HS256"], options)
    except jwt.PyJWTError:
        return None
    return Caller(claims["sub"], claims["role"]) if now.timestamp() < claims["exp"] else None


def is_replica(token: str | None, settings: Settings) -> bool:
    """Whether the `X-Replica-Token` is the shared one. It never changes: who reads it once may use it."""
    return hmac.compare_digest((token or "").encode(), settings.replica_secret.get_secret_value().encode())

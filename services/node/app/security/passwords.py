"""Passwords: the rules for a new one, hashing, and checking off the event loop.

This is the only module that imports passlib (from `libpass`, its maintained distribution), which has no type
information. bcrypt itself ends at 72 bytes and at NUL, so longer passwords are refused, never cut.
"""

from random import Random

from passlib.hash import bcrypt
from passlib.utils.binary import bcrypt64

from app.runtime import Executor

SHORTEST = 12  # characters
LONGEST_BYTES = 72
_SALT_BYTES = 16


def password_fault(password: str) -> str | None:
    """The reason why `password` is not allowed, as a stable snake_case word; None if it is allowed."""
    if len(password) < SHORTEST:
        return "password_too_short"
    return _unusable(password)


class Passwords:
    """Hashes and checks passwords in the executor's crypto lane; about 0.2 s of CPU each at 12 rounds."""

    def __init__(self, *, rounds: int, random: Random, executor: Executor) -> None:
        self._rounds = rounds
        self._random = random
        self._executor = executor
        # Checking against it costs what checking any hash costs; its digest is nobody's.
        self._nobody = f"$2b${rounds:02d}${'.' * 53}"

    async def hash(self, password: str) -> str:
        """The salted hash to store. The caller must have called `password_fault`."""
        salt = self._random.randbytes(_SALT_BYTES)
        return await self._executor.run("crypto", lambda: _hashed(password, rounds=self._rounds, salt=salt))

    async def check(self, password: str, password_hash: str | None) -> bool:
        """Whether `password` made `password_hash`. None (an unknown user) returns False after the same
        time."""
        unusable = _unusable(password) is not None
        attempt = "" if unusable else password
        known = password_hash if password_hash is not None else self._nobody
        same = await self._executor.run("crypto", lambda: bool(bcrypt.verify(attempt, known)))
        return same and not unusable and password_hash is not None


def hash_blocking(password: str, *, rounds: int, random: Random) -> str:
    """The hash of a password, made in the calling thread: for programs that serve no requests meanwhile.
    The caller must have called `password_fault`."""
    return _hashed(password, rounds=rounds, salt=random.randbytes(_SALT_BYTES))


def _hashed(password: str, *, rounds: int, salt: bytes) -> str:
    hasher = bcrypt.using(rounds=rounds, salt=bcrypt64.encode_bytes(salt).decode())
    return str(hasher.hash(password))


def _unusable(password: str) -> str | None:
    if "\0" in password:
        return "control_character"
    try:
        encoded = password.encode()
    except UnicodeEncodeError:
        return "lone_surrogate"
    return "password_too_long" if len(encoded) > LONGEST_BYTES else None

"""The errors of storage. Each says whether the command can have been stored."""

import sqlite3

from app.domain.errors import StateError


class StorageError(Exception):
    """Base of all refusals of the storage."""


class StorageFull(StorageError):
    """The disk is full. The command was surely not stored."""


class StorageFailed(StorageError):
    """The database refused the command. It was surely not stored."""


class OutcomeUnknown(StorageError):
    """The command may or may not have been stored; retry with the same Idempotency-Key."""


class WrongDatabase(StorageError):
    """The file belongs to another node or cluster, or comes from newer code; the text says which."""


class DamagedDatabase(StorageError):
    """The file is no sound SQLite database. Nothing of it must be served or sent."""


class AlteredRow(StorageError):
    """A replicated row is not as it was written, so it is not used. Nothing was stored."""

    def __init__(self, relation: str, key: str) -> None:
        super().__init__(relation, key)
        self.relation = relation
        self.key = key

    def __str__(self) -> str:
        return f"{self.relation} {self.key} is not as it was written"


def is_full(error: BaseException) -> bool:
    """Whether an error of SQLite says that the disk is full."""
    # The low byte of an extended result code is the primary one (sqlite.org/rescode.html).
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, sqlite3.Error) and code == sqlite3.SQLITE_FULL


def storage_error(cause: BaseException) -> BaseException:
    """An error of SQLite as what callers hear of it; any other error stays as it is."""
    if not isinstance(cause, sqlite3.Error):
        return cause
    error = StorageFull(str(cause)) if is_full(cause) else StorageFailed(str(cause))
    error.__cause__ = cause
    return error


def is_refusal_by_rule(error: BaseException) -> bool:
    """Whether a command refused by a rule, and met nothing strange on its way."""
    return isinstance(error, StateError) and error.__cause__ is None

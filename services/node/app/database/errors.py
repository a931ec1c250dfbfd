"""The errors of storage. Each says whether the command can have been stored."""


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

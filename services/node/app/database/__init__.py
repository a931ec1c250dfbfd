"""A node's SQLite: the schema, its migrations, the single writer and the read connections."""

from app.database.database import Database
from app.database.effects import Effects
from app.database.errors import (
    AlteredRow,
    DamagedDatabase,
    OutcomeUnknown,
    StorageError,
    StorageFailed,
    StorageFull,
    WrongDatabase,
)
from app.database.node_row import Identity
from app.database.transaction import Actor, Transaction

__all__ = [
    "Actor",
    "AlteredRow",
    "DamagedDatabase",
    "Database",
    "Effects",
    "Identity",
    "OutcomeUnknown",
    "StorageError",
    "StorageFailed",
    "StorageFull",
    "Transaction",
    "WrongDatabase",
]

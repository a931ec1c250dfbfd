"""own rows have seals: who it is, the log, how far peers have it, how far it has theirs, parked events"""

import sqlite3
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.database.seals import UNSEALED, seal

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COUNTERS = ("lamport", "seq", "order_counter", "groups")
_SEALED = {
    "node": ("cluster_id", "name", "epoch", "starts", "founded", *_COUNTERS),
    "events": ("epoch", "seq", "event_id", "kind", "entity", "lamport", "created_at", "command_end"),
    "cursors": ("peer", "peer_epoch", "epoch", "acknowledged"),
    "positions": ("origin", "epoch", "seq", "event_id"),
    "parked": ("origin", "epoch", "seq", "event_id", "kind", "entity", "body"),
}

DOWN = tuple(f"ALTER TABLE {table} DROP COLUMN checksum" for table in _SEALED)


def upgrade() -> None:
    raw = op.get_bind().connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.create_function("own_seal", -1, _seal, deterministic=True)
    for table, columns in _SEALED.items():
        op.add_column(table, sa.Column("checksum", sa.Integer(), nullable=False, server_default="0"))
        values = ", ".join(
            f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END" for name in columns
        )
        op.execute(f"UPDATE {table} SET checksum = own_seal({values})")


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)


def _seal(*values: Any) -> int:
    """The seal of what stands there; a text that is not UTF-8 gets none, so that its row is altered."""
    try:
        return seal(value.decode() if isinstance(value, bytes) else value for value in values)
    except UnicodeDecodeError:
        return UNSEALED

"""parked events by id: of a life that two processes lived, two events stand at one seq"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _keyed_by("origin", "epoch", "seq", "event_id")


def downgrade() -> None:
    _keyed_by("origin", "epoch", "seq")


def _keyed_by(*columns: str) -> None:
    """SQLite keeps a table's key for good: the rows move into a new one."""
    op.drop_index("parked_entity", table_name="parked")
    op.rename_table("parked", "parked_before")
    op.create_table(
        "parked",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("parked_at", sa.REAL(), nullable=False),
        sa.CheckConstraint("waiting IN (0, 1)"),
        sa.PrimaryKeyConstraint(*columns),
        sqlite_strict=True,
    )
    op.execute("INSERT OR IGNORE INTO parked SELECT * FROM parked_before")
    op.drop_table("parked_before")
    op.create_index("parked_entity", "parked", ["kind", "entity"])

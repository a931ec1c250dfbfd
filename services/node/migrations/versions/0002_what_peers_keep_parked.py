"""what peers keep parked"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "parked_elsewhere",
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("peer_epoch", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("first_seq", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.CheckConstraint("first_seq >= 1 AND last_seq >= first_seq"),
        sa.PrimaryKeyConstraint("peer", "peer_epoch", "epoch", "first_seq"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("parked_elsewhere")

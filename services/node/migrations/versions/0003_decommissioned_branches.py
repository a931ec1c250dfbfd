"""decommissioned branches"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "decommission_witnesses",
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("peer_epoch", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("branch", "peer", "peer_epoch"),
        sqlite_strict=True,
    )
    op.create_table(
        "decommissioned",
        sa.Column("branch", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("branch"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("decommissioned")
    op.drop_table("decommission_witnesses")

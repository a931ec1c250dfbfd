"""what others said of a life that could not be asked itself: stock rows, and that it is over"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DOWN = (
    "DROP TABLE hearsay_deaths",
    "DROP TABLE hearsay_cells",
    "ALTER TABLE parked DROP COLUMN donor",
)


def upgrade() -> None:
    op.create_table(
        "hearsay_cells",
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.CheckConstraint("confirmed >= 0"),
        sa.PrimaryKeyConstraint("product_id", "branch", "epoch"),
        sqlite_strict=True,
    )
    op.create_table(
        "hearsay_deaths",
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("branch", "epoch"),
        sqlite_strict=True,
    )
    op.add_column("parked", sa.Column("donor", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)

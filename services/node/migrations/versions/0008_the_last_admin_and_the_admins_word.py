"""until when a user was an administrator; the admin's word for a decommissioning without a majority"""

import sqlalchemy as sa
from alembic import op

from app.database.additions import AddedColumn, add, taking_away

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ADDED = [AddedColumn("users", "admin_until", "INTEGER", 0)]
DOWN = ("DROP TABLE decommission_words", *taking_away(_ADDED))


def upgrade() -> None:
    add(op.get_bind().exec_driver_sql, _ADDED)
    op.create_table(
        "decommission_words",
        sa.Column("branch", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("branch"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    for statement in DOWN:
        op.get_bind().exec_driver_sql(statement)

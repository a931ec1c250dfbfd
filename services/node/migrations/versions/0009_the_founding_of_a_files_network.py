"""the founding of a file's network: two networks may have one CLUSTER_ID, one after the other"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DOWN = ("ALTER TABLE node DROP COLUMN founding",)


def upgrade() -> None:
    op.add_column("node", sa.Column("founding", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)

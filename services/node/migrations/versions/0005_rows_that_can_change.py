"""rows that can change: seals, fields of newer versions, and under which form the digest was made"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SEALED = ("users", "customers", "products", "stock", "orders")


def upgrade() -> None:
    for table in _SEALED:
        op.add_column(table, sa.Column("extra", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("checksum", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("order_lines", sa.Column("extra", sa.Text(), nullable=True))
    op.create_table(
        "canonical_forms",
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("revision >= 1"),
        sa.PrimaryKeyConstraint("relation"),
        sqlite_strict=True,
    )
    op.create_table(
        "altered_rows",
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("valid", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", sa.REAL(), nullable=False),
        sa.CheckConstraint("asked >= 0"),
        sa.CheckConstraint("valid IN (0, 1)"),
        sa.PrimaryKeyConstraint("relation", "row_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "own_cells",
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", "branch", "epoch"),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO own_cells SELECT product_id, branch, s.epoch, version FROM stock s"
        " JOIN node n ON s.branch = n.name AND s.epoch = n.epoch"
    )
    op.create_table(
        "unknown_rows",
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("relation", "sha256"),
        sqlite_strict=True,
    )
    op.create_table(
        "schema_steps",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("down_revision", sa.Text(), nullable=False),
        sa.Column("statements", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision"),
        sqlite_strict=True,
    )
    op.create_table(
        "salvaged",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("at", sa.REAL(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("file"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    for table in ("salvaged", "schema_steps", "unknown_rows", "own_cells", "altered_rows", "canonical_forms"):
        op.drop_table(table)
    for table in (*_SEALED, "order_lines"):
        op.drop_column(table, "extra")
    for table in _SEALED:
        op.drop_column(table, "checksum")

"""the indexes that each order pays for: two hold only the orders that they are read for, one goes"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UP = (
    "DROP INDEX order_lines_product",
    "DROP INDEX orders_branch",
    "CREATE INDEX orders_told ON orders (branch, epoch) WHERE donor NOT IN ('', branch)",
    "DROP INDEX orders_user_key",
    "CREATE INDEX orders_user_key ON orders (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL",
)
DOWN = (
    "DROP INDEX orders_user_key",
    "CREATE INDEX orders_user_key ON orders (user_id, idempotency_key)",
    "DROP INDEX orders_told",
    "CREATE INDEX orders_branch ON orders (branch, epoch)",
    "CREATE INDEX order_lines_product ON order_lines (product_id)",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWN:
        op.execute(statement)

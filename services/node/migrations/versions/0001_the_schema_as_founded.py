"""the schema as founded"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.REAL(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("audit_actor", ["actor"], unique=False)
        batch_op.create_index("audit_entity", ["entity", "entity_id"], unique=False)

    op.create_table(
        "cursors",
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("peer_epoch", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("acknowledged", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.REAL(), nullable=False),
        sa.CheckConstraint("acknowledged >= 0"),
        sa.PrimaryKeyConstraint("peer", "peer_epoch", "epoch"),
        sqlite_strict=True,
    )
    op.create_table(
        "customers",
        sa.Column("lamport", sa.Integer(), nullable=False),
        sa.Column("stamp_node", sa.Text(), nullable=False),
        sa.Column("stamp_epoch", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "digest_buckets",
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("total", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("relation", "bucket"),
        sqlite_strict=True,
    )
    op.create_table(
        "epochs",
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("dead", sa.Integer(), nullable=False),
        sa.CheckConstraint("dead IN (0, 1)"),
        sa.PrimaryKeyConstraint("branch", "epoch"),
        sqlite_strict=True,
    )
    op.create_table(
        "events",
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("lamport", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.REAL(), nullable=False),
        sa.Column("command_end", sa.Integer(), nullable=False),
        sa.CheckConstraint("command_end IN (0, 1)"),
        sa.CheckConstraint("seq >= 1"),
        sa.PrimaryKeyConstraint("epoch", "seq"),
        sqlite_strict=True,
    )
    op.create_table(
        "node",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cluster_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("founded", sa.Integer(), nullable=False),
        sa.Column("lamport", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("order_counter", sa.Integer(), nullable=False),
        sa.Column("groups", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
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
        sa.PrimaryKeyConstraint("origin", "epoch", "seq"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("parked", schema=None) as batch_op:
        batch_op.create_index("parked_entity", ["kind", "entity"], unique=False)

    op.create_table(
        "positions",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "epoch"),
        sqlite_strict=True,
    )
    op.create_table(
        "products",
        sa.Column("lamport", sa.Integer(), nullable=False),
        sa.Column("stamp_node", sa.Text(), nullable=False),
        sa.Column("stamp_epoch", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.CheckConstraint("price_cents >= 0"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "recoveries",
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("usable", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.CheckConstraint("usable >= 0"),
        sa.PrimaryKeyConstraint("product_id"),
        sqlite_strict=True,
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("credentials_lamport", sa.Integer(), nullable=False),
        sa.Column("credentials_node", sa.Text(), nullable=False),
        sa.Column("credentials_epoch", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("role_lamport", sa.Integer(), nullable=False),
        sa.Column("role_node", sa.Text(), nullable=False),
        sa.Column("role_epoch", sa.Text(), nullable=False),
        sa.Column("deactivations", sa.Text(), nullable=False),
        sa.Column("reactivations", sa.Text(), nullable=False),
        sa.Column("token_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("role IN ('admin', 'operador')"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("announced", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("donor", sa.Text(), nullable=False),
        sa.Column("lamport", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.REAL(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('placed', 'cancelled')"),
        sa.CheckConstraint("total_cents >= 0 AND version >= 1"),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index("orders_branch", ["branch", "epoch"], unique=False)
        batch_op.create_index("orders_user_key", ["user_id", "idempotency_key"], unique=False)

    op.create_table(
        "stock",
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("returned", sa.Integer(), nullable=False),
        sa.Column("returned_frozen", sa.Integer(), nullable=False),
        sa.Column("recovered", sa.Integer(), nullable=False),
        sa.Column("written_off", sa.Integer(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("received >= 0 AND returned >= 0 AND returned_frozen >= 0 AND recovered >= 0"),
        sa.CheckConstraint("written_off >= 0 AND sold >= 0 AND removed >= 0 AND version >= 1"),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.id"],
        ),
        sa.PrimaryKeyConstraint("product_id", "branch", "epoch"),
        sqlite_strict=True,
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_cents", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity >= 1 AND unit_price_cents >= 0"),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
        ),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.id"],
        ),
        sa.PrimaryKeyConstraint("order_id", "line"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.create_index("order_lines_product", ["product_id"], unique=False)

    op.create_table(
        "stock_grants",
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("to_branch", sa.Text(), nullable=False),
        sa.Column("to_epoch", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity >= 1"),
        sa.ForeignKeyConstraint(
            ["product_id", "branch", "epoch"],
            ["stock.product_id", "stock.branch", "stock.epoch"],
        ),
        sa.PrimaryKeyConstraint("product_id", "branch", "epoch", "to_branch", "to_epoch"),
        sqlite_strict=True,
    )
    with op.batch_alter_table("stock_grants", schema=None) as batch_op:
        batch_op.create_index("stock_grants_to", ["product_id", "to_branch", "to_epoch"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("stock_grants", schema=None) as batch_op:
        batch_op.drop_index("stock_grants_to")

    op.drop_table("stock_grants")
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.drop_index("order_lines_product")

    op.drop_table("order_lines")
    op.drop_table("stock")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("orders_user_key")
        batch_op.drop_index("orders_branch")

    op.drop_table("orders")
    op.drop_table("users")
    op.drop_table("recoveries")
    op.drop_table("products")
    op.drop_table("positions")
    with op.batch_alter_table("parked", schema=None) as batch_op:
        batch_op.drop_index("parked_entity")

    op.drop_table("parked")
    op.drop_table("node")
    op.drop_table("events")
    op.drop_table("epochs")
    op.drop_table("digest_buckets")
    op.drop_table("customers")
    op.drop_table("cursors")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("audit_entity")
        batch_op.drop_index("audit_actor")

    op.drop_table("audit")

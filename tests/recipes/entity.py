"""How to add a replicated entity: suppliers, records under one stamp each."""

from tests.recipes.column import FORMS, keep
from tests.recipes.recipe import Recipe
from tests.recipes.tree import NODE, VERSIONS, Tree

APP = NODE / "app"
TABLES = APP / "database/tables.py"

_TABLE = """

class Supplier(Stamped, table=True):
    __tablename__: ClassVar[str] = "suppliers"
    __table_args__ = strict()
    id: str = text(primary_key=True)
    code: str = text()
    name: str = text()
"""

_MIGRATION = '''"""suppliers"""

import sqlalchemy as sa
from alembic import op

from app.database.additions import AddedTable, taking_away

revision = "{revision}"
down_revision = "{down_revision}"
branch_labels = None
depends_on = None

DOWN = taking_away(
    [AddedTable("suppliers", ("id", "code", "name", "lamport", "stamp_node", "stamp_epoch"))]
)


def upgrade() -> None:
    op.create_table(
        "suppliers",
        sa.Column("extra", sa.Text(), nullable=True),
        sa.Column("checksum", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("lamport", sa.Integer(), nullable=False),
        sa.Column("stamp_node", sa.Text(), nullable=False),
        sa.Column("stamp_epoch", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    for statement in DOWN:
        op.get_bind().exec_driver_sql(statement)
'''

_VALUE = '''"""A supplier as a value. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.domain.lww import Stamp
from app.domain.records import Record


@dataclass(frozen=True, slots=True)
class Supplier(Record):
    """Whom the company buys from, as it was edited last (`stamp`)."""

    relation: ClassVar[str] = "suppliers"
    id: str
    code: str
    name: str
    stamp: Stamp
    beyond: Mapping[str, Any] = field(default_factory=dict)
'''

_RULES = '''"""Suppliers: whom the company buys from, under an immutable code."""

from app.database import Actor, Transaction
from app.domain import identity, text
from app.domain.row_checks import Fields
from app.domain.supplier import Supplier
from app.state.tables.lww_table import LwwTable


def create(tx: Transaction, code: str, name: str, *, actor: Actor) -> Supplier:
    """Create a supplier here and return it. Raises AlreadyExists."""
    return SUPPLIERS.create(tx, code, {"name": name}, actor=actor)


def _check(fields: Fields) -> None:
    fields.text("name", longest=text.NAME)


SUPPLIERS = LwwTable(
    relation="suppliers",
    entity="supplier",
    key="code",
    identify=identity.supplier_id,
    check=_check,
    value=Supplier.from_row,
)
"""The table, as the registry of what is replicated declares it (app.state.registry.replicated)."""
'''

_IDENTITY = '''def supplier_id(cluster_id: str, code: str) -> str:
    """The id that every node of the network gives to this supplier code."""
    return _entity_id(cluster_id, "supplier", code)


'''

_TEST = '''"""Suppliers, at every branch."""

from app.state.registry import replicated
from app.state.tables import suppliers
from tests.support.branch import ACTOR, Branches


def test_a_supplier_is_written_and_told(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    made = matriz.do(lambda tx: suppliers.create(tx, "MOINHO", "Moinho", actor=ACTOR))
    matriz.send(norte)
    (row,) = replicated.get("suppliers").read(norte.connection, [made.id])
    assert (row["code"], row["name"]) == ("MOINHO", "Moinho")
    assert matriz.digest() == norte.digest()
    assert norte.parked() == []
'''


def declare_table(tree: Tree) -> None:
    tree.before(TABLES, "\n\nclass Stock(Sealed, table=True):", _TABLE)


def write_migration(tree: Tree) -> None:
    newest = tree.newest_migration()
    revision = f"{int(newest) + 1:04}"
    text = _MIGRATION.format(revision=revision, down_revision=newest)
    tree.write(VERSIONS / f"{revision}_suppliers.py", text)


def declare_form(tree: Tree) -> None:
    form = 'SUPPLIERS = Form(relation="suppliers", revision=1, columns=("id", "code", "name", *_STAMP))\n'
    tree.before(FORMS, 'COUNTS = ("received",', form)
    tree.replace(FORMS, " CUSTOMERS, PRODUCTS, STOCK, ", " CUSTOMERS, PRODUCTS, SUPPLIERS, STOCK, ")


def write_rules(tree: Tree) -> None:
    tree.before(APP / "domain/identity.py", "def normalised(key: str)", _IDENTITY)
    tree.write(APP / "domain/supplier.py", _VALUE)
    tree.write(APP / "state/tables/suppliers.py", _RULES)


def register(tree: Tree) -> None:
    registry = APP / "state/registry/replicated.py"
    tree.after(registry, "    of_records(products.PRODUCTS),\n", "    of_records(suppliers.SUPPLIERS),\n")
    tree.add_import(registry, "from app.state.tables import suppliers")


def keep_one(tree: Tree) -> None:
    """A disk that has one, and its form."""
    kept = NODE / "tests/database/keep_schema.py"
    tree.after(
        kept,
        "            matriz.do(_found)\n",
        '            matriz.do(lambda tx: suppliers.create(tx, "MOINHO", "Moinho", actor=ACTOR))\n',
    )
    tree.add_import(kept, "from app.state.tables import suppliers")
    keep(tree)


def test_it(tree: Tree) -> None:
    """A test of its own, and its kind among the protocol's."""
    tree.write(NODE / "tests/catalogue/test_suppliers.py", _TEST)
    kinds = NODE / "tests/sync/test_kinds.py"
    tree.after(kinds, '        "user_upserted",\n', '        "supplier_upserted",\n')
    made = '    made.do(lambda tx: suppliers.create(tx, "MOINHO", "Moinho", actor=ACTOR))\n'
    everything = NODE / "tests/support/everything.py"
    tree.after(everything, '    made.product("rice")\n', made)
    tree.add_import(everything, "from app.state.tables import suppliers")
    said = "| `supplier_upserted` | `{rows}`: the supplier | yes |\n"
    tree.before("docs/protocol.md", "| `user_upserted` |", said)


_TESTS = "services/node/tests"
STEPS = {
    "declare its table": declare_table,
    "write the migration": write_migration,
    "declare its form": declare_form,
    "write its rules": write_rules,
    "put it into the registry": register,
}
RECIPE = Recipe(
    name="a replicated entity",
    steps={**STEPS, "keep a disk that has one": keep_one, "test it": test_it},
    tests=(
        f"{_TESTS}/catalogue/test_suppliers.py",
        f"{_TESTS}/database/test_forms.py",
        f"{_TESTS}/database/test_migrations.py::test_the_migrations_make_exactly_the_tables_of_the_code",
        f"{_TESTS}/database/test_old_schemas.py::test_the_newest_schema_is_kept_too",
        f"{_TESTS}/database/test_old_schemas.py::"
        "test_every_row_of_a_kept_disk_is_what_was_written_after_the_migration",
        f"{_TESTS}/sync/test_kinds.py",
        f"{_TESTS}/sync/test_unknown_fields.py",
    ),
)

"""How to add a replicated column."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from tests.recipes.recipe import Recipe
from tests.recipes.tree import NODE, VERSIONS, MissingAnchor, Tree

FORMS = NODE / "app/domain/forms.py"

_MIGRATION = '''"""{title}"""

from alembic import op

from app.database.additions import AddedColumn, add, taking_away

revision = "{revision}"
down_revision = "{down_revision}"
branch_labels = None
depends_on = None

_ADDED = [AddedColumn("{table}", "{name}", "{type}", {default})]
DOWN = taking_away(_ADDED)


def upgrade() -> None:
    add(op.get_bind().exec_driver_sql, _ADDED)


def downgrade() -> None:
    for statement in DOWN:
        op.get_bind().exec_driver_sql(statement)
'''


@dataclass(frozen=True)
class Column:
    """A column to add: to which table, of which type and wire default, and the rule that its values keep
    (app.domain.row_checks)."""

    table: str
    name: str
    type: Literal["TEXT", "INTEGER"]
    default: str | int | None
    rule: str


TAX_ID = Column("customers", "tax_id", "TEXT", None, "Text(text.KEY, optional=True)")


def write_migration(column: Column, tree: Tree) -> None:
    newest = tree.newest_migration()
    revision = f"{int(newest) + 1:04}"
    text = _MIGRATION.format(
        title=f"{column.name} of {column.table}",
        revision=revision,
        down_revision=newest,
        table=column.table,
        name=column.name,
        type=column.type,
        default=f'"{column.default}"' if isinstance(column.default, str) else column.default,
    )
    tree.write(VERSIONS / f"{revision}_{column.table}_{column.name}.py", text)


def declare_field(column: Column, tree: Tree) -> None:
    added = f'Added("{column.name}", {_quoted(column.default)}, {column.rule}),'
    form = _form(column, tree)
    if "added=(" in form:
        tree.replace(FORMS, form, form.replace("added=(", f"added=({added} "))
    else:
        head = form[: form.index(",\n", form.index("revision=")) + 2]
        tree.replace(FORMS, form, form.replace(head, f"{head}    added=({added}),\n"))
    if "text." in column.rule:
        tree.add_import(FORMS, "from app.domain import text")


def raise_revision(column: Column, tree: Tree) -> None:
    form = _form(column, tree)
    before = int(form.partition("revision=")[2].partition(",")[0])
    tree.replace(FORMS, form, form.replace(f"revision={before},", f"revision={before + 1},"))


def keep(tree: Tree) -> None:
    """The new schema's disk, and the form of the new revision."""
    tree.run("-m", "tests.database.keep_schema")
    tree.run("-m", "tests.database.keep_forms")


def say_it(tree: Tree) -> None:
    """The value that commands and views have, and the API."""
    customer, schemas = NODE / "app/domain/customer.py", NODE / "app/api/schemas/customers.py"
    tree.after(customer, "    country: str | None = None\n", "    tax_id: str | None = None\n")
    tree.after(schemas, "    country: str | None\n", "    tax_id: str | None\n")
    new, change = tree.read(schemas).partition("class CustomerChange")[::2]
    anchor = "    country: Place | None = None\n"
    if (new.count(anchor), change.count(anchor)) != (1, 1):
        raise MissingAnchor(f"{schemas}: {anchor!r}")
    more = f"{anchor}    tax_id: TaxId | None = None\n"
    tree.write(schemas, f"{new.replace(anchor, more)}class CustomerChange{change.replace(anchor, more)}")
    tree.before(
        schemas,
        "Place = Annotated[",
        "TaxId = Annotated[str, optional(text.KEY), Printable, NoneIfBlank, NO_OR_SOME_TEXT]\n",
    )


def test_it(tree: Tree) -> None:
    tree.write(NODE / "tests/catalogue/test_tax_id.py", _TEST)
    routes = NODE / "tests/api/test_people_and_catalogue_routes.py"
    tree.after(routes, '        "country": None,\n', '        "tax_id": None,\n')


_TEST = '''"""A customer's tax id, at every branch."""

from app.domain.customer import NewCustomer
from app.state.tables import customers
from tests.support.branch import ACTOR, Branches


def test_a_tax_id_is_written_shown_and_told(branches: Branches) -> None:
    matriz, norte = branches.make("matriz"), branches.make("norte")
    new = NewCustomer(code="ALFKI", name="Alfreds", tax_id="DE 123")
    shown = matriz.do(lambda tx: customers.create(tx, new, actor=ACTOR))
    matriz.send(norte)
    found = customers.find(norte.connection, "ALFKI")
    assert found is not None
    assert (shown.tax_id, found.tax_id) == ("DE 123", "DE 123")
    norte.do(lambda tx: customers.update(tx, "ALFKI", {"tax_id": None}, actor=ACTOR))
    norte.send(matriz)
    assert matriz.digest() == norte.digest()
'''


def steps_of(column: Column) -> Recipe:
    """The steps that every column takes."""
    return Recipe(
        name=f"a replicated column: {column.table}.{column.name}",
        steps={
            "write the migration": partial(write_migration, column),
            "add it to the form": partial(declare_field, column),
            "raise the form's revision": partial(raise_revision, column),
        },
        tests=(),
    )


_DATABASE = "services/node/tests/database"
RECIPE = Recipe(
    name="a replicated column",
    steps={
        **steps_of(TAX_ID).steps,
        "keep a disk and the form": keep,
        "let commands and the API say it": say_it,
        "test it": test_it,
    },
    tests=(
        "services/node/tests/catalogue/test_tax_id.py",
        f"{_DATABASE}/test_forms.py",
        f"{_DATABASE}/test_migrations.py::test_the_migrations_make_exactly_the_tables_of_the_code",
        f"{_DATABASE}/test_old_schemas.py::test_the_newest_schema_is_kept_too",
        f"{_DATABASE}/test_old_schemas.py::"
        "test_every_row_of_a_kept_disk_is_what_was_written_after_the_migration",
        "services/node/tests/sync/test_unknown_fields.py",
        "services/node/tests/api/test_people_and_catalogue_routes.py::"
        "test_a_customer_is_found_by_id_and_by_code_in_any_spelling",
    ),
)


def _form(column: Column, tree: Tree) -> str:
    """The declaration of the table's form."""
    text = tree.read(FORMS)
    head = f'Form(\n    relation="{column.table}",\n'
    if text.count(head) != 1:
        # One that stands on one line is written over several first.
        head = f'Form(relation="{column.table}", '
        if text.count(head) != 1:
            raise MissingAnchor(f"{FORMS}: the form of {column.table}")
        line = text[text.index(head) :].partition("\n")[0]
        inside = line.removeprefix(head).removesuffix(")").replace("columns=", "\n    columns=")
        opened = f'Form(\n    relation="{column.table}",\n    {inside.strip()},\n)'.replace(", \n", ",\n")
        tree.replace(FORMS, line, opened)
        return _form(column, tree)
    start = text.index(head)
    return text[start : text.index("\n)", start)]


def _quoted(default: str | int | None) -> str:
    return f'"{default}"' if isinstance(default, str) else str(default)

"""How to add an event kind: prices that changed."""

from tests.recipes.recipe import Recipe
from tests.recipes.tree import NODE, Tree

KINDS = NODE / "app/sync/wire/kinds.py"
PRODUCTS = NODE / "app/state/tables/products.py"

_KIND = """    "price_changed": composed(
        lambda source, key: {"products": source.rows("products", [key])},
        coalesces=True,
        covers=("price_changed",),
    ),
"""

_UPDATE = "    return PRODUCTS.update(tx, reference, changes, actor=actor)\n"
_EMITTING = """    changed = PRODUCTS.update(tx, reference, changes, actor=actor)
    if "price_cents" in changes:
        tx.emit("price_changed", changed.id)
    return changed
"""


def declare(tree: Tree) -> None:
    tree.after(KINDS, "_COMPOSED: dict[str, Kind] = {\n", _KIND)


def emit(tree: Tree) -> None:
    tree.replace(PRODUCTS, _UPDATE, _EMITTING)


def keep(tree: Tree) -> None:
    tree.run("-m", "tests.database.keep_forms")


def test_it(tree: Tree) -> None:
    """Let the tests of all kinds have an event of it, and name it in the protocol's document."""
    kinds = NODE / "tests/sync/test_kinds.py"
    tree.after(kinds, '        "user_upserted",\n', '        "price_changed",\n')
    changed = '    made.do(lambda tx: products.update(tx, "rice", {"price_cents": 7}, actor=ACTOR))\n'
    everything = NODE / "tests/support/everything.py"
    tree.after(everything, '    made.product("rice")\n', changed)
    tree.add_import(everything, "from app.state.tables import products")
    said = "| `price_changed` | `{rows}`: the product | yes |\n"
    tree.before("docs/protocol.md", "| `user_upserted` |", said)


_TESTS = "services/node/tests"
STEPS = {"declare what it tells": declare, "emit it": emit}
RECIPE = Recipe(
    name="an event kind",
    steps={**STEPS, "keep its layout": keep, "test it": test_it},
    tests=(
        f"{_TESTS}/sync/test_kinds.py",
        f"{_TESTS}/database/test_forms.py",
        f"{_TESTS}/sync/test_unknown_fields.py",
        f"{_TESTS}/catalogue/test_products_meet.py",
    ),
)

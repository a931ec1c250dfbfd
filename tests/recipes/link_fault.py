"""How to add a fault of links: one whose calls arrive, and whose answers never do."""

from tests.recipes.recipe import Recipe
from tests.recipes.tree import NODE, Tree

RULES = NODE / "app/faults/link_faults.py"
API = NODE / "app/api/schemas/faults.py"

_CLASS = '''@dataclass(frozen=True)
class Mute:
    """Every call arrives, and no answer comes back."""

    kind: ClassVar[Kind] = "mute"

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        means.hit()
        await send(patience)
        raise Unreachable("the lab lost the answer to this message")


'''

_SHAPE = '''class MuteLink(_Leased):
    """Every call arrives, and no answer comes back."""

    kind: Literal["mute"]

    def fault(self) -> LinkFault:
        return Mute()


'''

_KIND = '''def _mute() -> Settings:
    """Lose every answer between two nodes; the calls arrive."""
    return {}


'''


def write_rule(tree: Tree) -> None:
    tree.replace(RULES, '"reorder", "duplicate"]', '"reorder", "duplicate", "mute"]')
    tree.before(RULES, "LinkFault = Cut | Flaky", _CLASS)
    tree.replace(RULES, "Reorder | Duplicate\n", "Reorder | Duplicate | Mute\n")


def order_it(tree: Tree) -> None:
    tree.replace(RULES, '"reorder", "duplicate")\n', '"reorder", "duplicate", "mute")\n')


def let_the_api_take_it(tree: Tree) -> None:
    tree.before(API, "AnyLinkFault = Annotated[", _SHAPE)
    tree.replace(API, "DuplicateLink | ReorderLink,", "DuplicateLink | ReorderLink | MuteLink,")
    tree.replace(API, '"reorder", "duplicate"]\n', '"reorder", "duplicate", "mute"]\n')
    tree.add_import(API, "from app.faults.link_faults import Mute")


def let_the_lab_make_it(tree: Tree) -> None:
    kinds = "lab/faults/kinds.py"
    tree.before(kinds, "CUT = FaultKind(", _KIND)
    tree.before(kinds, "    CUT,\n", '    FaultKind("mute", _mute, lambda _random: {}, weight=2),\n')


def test_it(tree: Tree) -> None:
    faults = NODE / "tests/sync/test_faulty_links.py"
    tree.after(faults, "    [Reorder(chance=0.7)],\n", "    [Mute(), Flaky(loss=0.2)],\n")
    tree.add_import(faults, "from app.faults.link_faults import Mute")


RECIPE = Recipe(
    name="a fault of links",
    steps={
        "write its rule": write_rule,
        "give it its place among the others": order_it,
        "let the API take and show it": let_the_api_take_it,
        "let the lab make it": let_the_lab_make_it,
        "test it": test_it,
    },
    tests=(
        "tests/test_link_fault_lists.py",
        "services/node/tests/sync/test_faulty_links.py::"
        "test_bad_links_lose_nothing_oversell_nothing_and_agree_after_the_heal[mute+flaky]",
        "services/node/tests/sync/test_gate.py",
        "lab/tests/test_torture.py",
    ),
)

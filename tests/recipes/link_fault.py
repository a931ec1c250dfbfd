"""How to add a fault of links: one whose calls arrive, and whose answers never do."""

from tests.recipes.recipe import Recipe
from tests.recipes.tree import NODE, Tree

RULES = NODE / "app/faults/link_faults.py"

_CLASS = '''@dataclass(frozen=True)
class Mute:
    """Every call arrives, and no answer comes back."""

    kind: ClassVar[str] = "mute"

    async def carry(self, send: Send, patience: float, means: Means) -> Response:
        means.hit()
        await send(patience)
        raise Unreachable("the lab lost the answer to this message")


'''

_KIND = '''def _mute() -> Settings:
    """Lose every answer between two nodes; the calls arrive."""
    return {}


'''

_HELP = (
    "Perde as respostas entre duas filiais | Lose the answers between two branches | A=matriz B=filial-sul"
)
_CATALOGUE = "branchlab/locale/pt_BR/LC_MESSAGES/lab.po"
_TEXT = """
#: branchlab/faults/kinds.py
msgid "Lose every answer between two nodes; the calls arrive."
msgstr "Perde todas as respostas entre dois nós; as chamadas chegam."
"""
_BETWEEN = " ".join(f"$(or $({end}),$(error say: A=matriz B=filial-sul))" for end in "AB")
_TARGET = f".PHONY: mute\nmute: $(VENV) ## {_HELP}\n\t@$(LAB) mute {_BETWEEN}\n\n"


def write_rule(tree: Tree) -> None:
    tree.before(RULES, "FAULTS: tuple[", _CLASS)
    tree.replace(RULES, "Duplicate, Reorder)\n", "Duplicate, Reorder, Mute)\n")


def order_it(tree: Tree) -> None:
    tree.replace(RULES, '"reorder", "duplicate")\n', '"reorder", "duplicate", "mute")\n')


def let_the_lab_make_it(tree: Tree) -> None:
    kinds = "branchlab/faults/kinds.py"
    tree.before(kinds, "CUT = FaultKind(", _KIND)
    tree.before(kinds, "    CUT,\n", '    FaultKind("mute", _mute, lambda _random: {}, weight=2),\n')


def give_it_a_target(tree: Tree) -> None:
    tree.before("Makefile", ".PHONY: disk-full\n", _TARGET)


def translate_it(tree: Tree) -> None:
    tree.after(_CATALOGUE, '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n', _TEXT)


def test_it(tree: Tree) -> None:
    faults = NODE / "tests/sync/test_faulty_links.py"
    tree.after(faults, "    [Reorder(chance=0.7)],\n", "    [Mute(), Flaky(loss=0.2)],\n")
    tree.add_import(faults, "from app.faults.link_faults import Mute")


RECIPE = Recipe(
    name="a fault of links",
    steps={
        "write its rule": write_rule,
        "give it its place among the others": order_it,
        "let the lab make it": let_the_lab_make_it,
        "give it a target": give_it_a_target,
        "translate it": translate_it,
        "test it": test_it,
    },
    tests=(
        "tests/test_link_fault_lists.py",
        "services/node/tests/sync/test_faulty_links.py::"
        "test_bad_links_lose_nothing_oversell_nothing_and_agree_after_the_heal[mute+flaky]",
        "services/node/tests/sync/test_gate.py",
        "branchlab/tests/test_torture.py",
        "branchlab/tests/test_makefile.py",
        "tests/catalogues/test_catalogues.py",
    ),
)

"""How to add a verb of the lab: one that says where a node is."""

from tests.recipes.recipe import Recipe
from tests.recipes.tree import Tree

_MODULE = '''"""Where a node answers: `./lab where`."""

from pathlib import Path

from branchlab.networks import network
from branchlab.console import out
from branchlab.options import RUN_DIR, Node, RunDir


def where(node: Node, run_dir: RunDir = RUN_DIR) -> None:
    """Say at which address a node answers."""
    out.print(_address(node, run_dir))


def _address(node: str, run_dir: Path) -> str:
    return network.load(run_dir).node(node).url
'''

_TARGET = """.PHONY: where
where: $(VENV) ## Diz o endereço de um nó | Say where a node answers | NODE=filial-sul
	@$(LAB) where $(or $(NODE),$(error say which branch: make where NODE=filial-sul))

"""

_CATALOGUE = "branchlab/locale/pt_BR/LC_MESSAGES/lab.po"
_TEXT = """
#: branchlab/cli.py
msgid "Say at which address a node answers."
msgstr "Diz em que endereço um nó responde."
"""

_TEST = '''"""Where a node answers."""

from pathlib import Path

import pytest

from branchlab.networks import network
from branchlab.cli import main
from branchlab.networks.network import UpOptions, plan


def test_where_says_the_address_of_a_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = UpOptions(nodes=2, ports=(20001, 20002))
    network.save(plan(None, options, driver="process"), tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["where", "filial-norte", "--run-dir", str(tmp_path)])
    assert ended.value.code in (0, None)
    assert capsys.readouterr().out == "http://127.0.0.1:20002\\n"
'''


def write_module(tree: Tree) -> None:
    tree.write("branchlab/networks/where.py", _MODULE)


def add_command(tree: Tree) -> None:
    own = 'app.add("branchlab.networks.where", "where")\n'
    tree.before("branchlab/cli.py", 'app.add("branchlab.packages", ', own)


def add_target(tree: Tree) -> None:
    tree.before("Makefile", ".PHONY: chaos\n", _TARGET)


def translate_it(tree: Tree) -> None:
    tree.after(_CATALOGUE, '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n', _TEXT)


def test_it(tree: Tree) -> None:
    tree.write("branchlab/tests/test_where.py", _TEST)
    makefile = "branchlab/tests/test_makefile.py"
    tree.after(makefile, '    "decommission",\n', '    "where",\n')
    variables = '        (("where", "NODE=matriz"), "./lab where matriz"),\n'
    tree.before(makefile, '        (("model",), ', variables)


RECIPE = Recipe(
    name="a verb of the lab",
    steps={
        "write what it does": write_module,
        "add the command": add_command,
        "add the target": add_target,
        "translate it": translate_it,
        "test it": test_it,
    },
    tests=(
        "branchlab/tests/test_where.py",
        "branchlab/tests/test_makefile.py",
        "branchlab/tests/test_cli.py",
        "tests/catalogues/test_catalogues.py",
    ),
)

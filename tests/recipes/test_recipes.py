"""CONTRIBUTING's recipes do what they promise: applied to a copy of the tree, the fast tests they name pass
there, and fail where a step was left out."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import next_version
from tests.recipes import column, entity, kind, lab_verb, link_fault
from tests.recipes.recipe import Recipe
from tests.recipes.tree import ROOT, MissingAnchor, Tree, copy_to

RECIPES = (column.RECIPE, entity.RECIPE, kind.RECIPE, link_fault.RECIPE, lab_verb.RECIPE)
LEFT_OUT = [
    # The last step before the tests is missed by the last of them at the earliest, so the others pass there.
    pytest.param(
        recipe,
        step,
        id=f"{recipe.name}-without-{step}",
        marks=[] if step == [*recipe.steps][-2] else pytest.mark.long,
    )
    for recipe in RECIPES
    for step in recipe.steps
]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A copy of the tree as it is."""
    return copy_to(tmp_path / "tree")


def test_all_of_them_together_leave_a_tree_whose_tests_pass(tree: Tree) -> None:
    for recipe in RECIPES:
        recipe.apply(tree)

    linted = tree.lint()
    assert linted.passed, linted.said
    tried = tree.try_tests(sorted({test for recipe in RECIPES for test in recipe.tests}))
    assert tried.passed, tried.said


def test_they_make_the_next_version_that_networks_are_upgraded_to(tmp_path: Path) -> None:
    """Only tests with real nodes run it; that it can be made is seen here already."""
    tree = next_version.build(tmp_path / "next")
    tree.run("-c", "import app.main; import app.api.suppliers")


@pytest.mark.parametrize(("recipe", "step"), LEFT_OUT)
def test_a_recipe_that_misses_a_step_fails(tree: Tree, recipe: Recipe, step: str) -> None:
    try:
        recipe.apply(tree, without=step)
    except (MissingAnchor, RuntimeError):
        return  # a later step already says that it has nothing to stand on
    assert not tree.try_tests(recipe.tests).passed


def test_a_step_whose_anchor_is_gone_says_so(tree: Tree) -> None:
    tree.write("branchlab/cli.py", "")
    with pytest.raises(MissingAnchor, match=r"branchlab/cli\.py: 0 times, not once"):
        lab_verb.RECIPE.apply(tree)


def _named(text: str) -> Iterator[str]:
    """The recipes that CONTRIBUTING.md has."""
    yield from re.findall(r"^### (.+)$", text.partition("## How to add …")[2], re.MULTILINE)


def test_the_document_has_each_of_them_with_every_step() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert {recipe.name for recipe in RECIPES} <= {*_named(text)}
    for recipe in RECIPES:
        section = text.partition(f"### {recipe.name}\n")[2].partition("\n### ")[0]
        missing = [step for step in recipe.steps if f"**{step[0].upper()}{step[1:]}.**" not in section]
        assert not missing, f"{recipe.name} says nothing of {missing}"

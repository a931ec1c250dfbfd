"""What a recipe is: named steps, and the fast tests that pass when all of them were done."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.recipes.tree import Tree

Step = Callable[[Tree], None]


@dataclass(frozen=True)
class Recipe:
    """A recipe of CONTRIBUTING.md. Without any one of `steps`, one of `tests` fails."""

    name: str
    steps: dict[str, Step]
    tests: tuple[str, ...]

    def apply(self, tree: Tree, *, without: str | None = None) -> None:
        """Do every step, but the one that is left out. Raises MissingAnchor where the tree is another."""
        assert without is None or without in self.steps, without
        for name, step in self.steps.items():
            if name != without:
                step(tree)

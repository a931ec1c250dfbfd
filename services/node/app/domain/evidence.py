"""The words in which a member's evidence against this node's own life is shown. Pure."""

from collections.abc import Sequence

MOST_NAMED = 3
NEWER_ROWS = "has newer rows of this epoch"


def newer_rows(branch: str, products: Sequence[str] = ()) -> str:
    """What is said of a branch that has newer copies of this node's own stock rows. The first few `products`
    are named, where they are known."""
    named = ", ".join(products[:MOST_NAMED])
    return f"{branch} {NEWER_ROWS}: {named}" if named else f"{branch} {NEWER_ROWS}"

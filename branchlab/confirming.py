"""Asking a person before what cannot be undone."""

import typer

from branchlab.errors import LabError
from branchlab.language import _


def require_typed(name: str, what: str, *, yes: bool) -> None:
    """Let a person confirm `what` will happen by typing `name`, of a node, a product or a verb. With `yes`
    nothing is asked. Raises LabError for any other answer, and where nobody can answer."""
    if not (yes or _answer(_("{what}; type {name} to go on", what=what, name=name)) == name):
        raise LabError(_("nothing was done; type {name} when asked, or say --yes", name=name))


def _answer(question: str) -> str | None:
    try:
        return str(typer.prompt(question, default="", show_default=False))
    except typer.Abort:  # Ctrl-C, or nobody is there to answer
        return None

"""What the database needs to know of the replicated rows' canonical forms, without any of their rules."""

import sqlite3
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

Progress = Callable[[str, int], None]
"""Is called with a relation and how many of its rows were rewritten so far."""


class Forms(Protocol):
    """The canonical forms that this code writes. What was computed under another form is computed anew."""

    @property
    def revisions(self) -> Mapping[str, int]:
        """The revision of each relation's canonical form."""

    def recompute(
        self, connection: sqlite3.Connection, relations: Collection[str], progress: Progress
    ) -> None:
        """Rewrite the bucket totals and the seals of these relations, in the transaction that is open."""


class NoForms:
    """No relation has a form: nothing is ever computed anew."""

    @property
    def revisions(self) -> Mapping[str, int]:
        return {}

    def recompute(
        self, connection: sqlite3.Connection, relations: Collection[str], progress: Progress
    ) -> None:
        """Do nothing: there are no relations."""


NO_FORMS = NoForms()

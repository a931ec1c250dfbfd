"""What all columns and tables of a node have in common.

SQLModel's own `ge`/`max_length` make no CHECK, so the checks stand in `__table_args__`.
"""

from typing import Any

from sqlalchemy import Text
from sqlmodel import Field


def strict(*constraints: Any) -> Any:
    """Table arguments: these constraints, and no values of another type than the column's."""
    return (*constraints, {"sqlite_strict": True})


def text(**options: Any) -> Any:
    """A column of text: STRICT tables know no VARCHAR."""
    return Field(sa_type=Text, **options)

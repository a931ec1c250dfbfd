"""How values are declared that every order makes many of. Pure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from collections.abc import Callable
    from dataclasses import dataclass

    def value(*, frozen: bool, **options: bool) -> Callable[[type], type]:
        """A dataclass that nobody may change. The type checker sees to that, and the interpreter does not: to
        make an instance that guards itself takes three times as long."""
        return dataclass(**options, frozen=False, unsafe_hash=frozen)


__all__ = ["value"]

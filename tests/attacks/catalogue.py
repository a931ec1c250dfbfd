"""All attempts: the `ATTEMPTS` of each module of this package, by the module's name."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence

from tests import attacks
from tests.attacks.attempt import Attempt


def catalogue() -> Mapping[str, Sequence[Attempt]]:
    """The attempts of each room of attacks. Names are unique over all of them."""
    rooms: dict[str, Sequence[Attempt]] = {}
    for found in pkgutil.iter_modules(attacks.__path__):
        if found.name.startswith(("test_", "__")):  # importing __main__ would run everything
            continue
        module = importlib.import_module(f"{attacks.__name__}.{found.name}")
        if attempts := getattr(module, "ATTEMPTS", ()):
            rooms[found.name] = attempts
    names = [attempt.name for attempts in rooms.values() for attempt in attempts]
    repeated = {name for name in names if names.count(name) > 1}
    assert not repeated, f"two attempts have one name: {min(repeated)}"
    return rooms

"""Plays one history of the model."""

from collections import Counter
from collections.abc import Callable

from tests.model.history import STEPS, History, Played
from tests.model.shelf import Oversold
from tests.model.steps import CALM, RECKLESS, WILD

MIXES = (*[CALM] * 3, *[WILD] * 4, *[RECKLESS] * 3)
"""Three in ten histories lose no disk: in those every unit must be sold without a count."""


def play(seed: int, *, say: Callable[[str], None] | None = None) -> Played:
    """Play the history of a seed; `say` gets a line before each step."""
    history = History(seed, say=say)
    steps = history.random.choice(MIXES)
    number = history.random.choice(STEPS)
    try:
        history.run(steps, number)
        broken = history.finish()
    except Oversold as oversold:
        broken = f"oversold: {oversold}"
    return Played(seed, number, history.shelf.sold, broken, Counter(history.did))

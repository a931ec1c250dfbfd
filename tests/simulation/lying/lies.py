"""Which lies there are of each kind, and the telling of one."""

from collections.abc import Mapping, Sequence

from tests.simulation.lying import hellos, receipts, rows
from tests.simulation.lying.telling import Lie, Telling

KINDS: Mapping[str, Sequence[Lie]] = {
    "forge_deaths": (hellos.name_dead,),
    "forge_ghosts": (hellos.name_ghost, rows.ghost_cell),
    "forge_heads": (hellos.far_heads, receipts.far_position),
    "forge_cells": (rows.foreign_cell, hellos.bait),
    "forge_orders": (rows.foreign_order, hellos.bait),
    "forge_rows": (rows.odd_catalogue, hellos.bait),
    "forge_numbers": (rows.odd_lamports, hellos.odd_numbers),
    "forge_times": (rows.odd_times, hellos.bait),
    "forge_lists": (hellos.long_lists, rows.many_grants),
    "forge_facts": (hellos.odd_facts,),
    "own_units": (rows.own_cell,),
    "greed": (receipts.want_everything,),
    "withhold": (receipts.half_a_page, receipts.endless_pages),
}
"""The lies that change a message, by kind. Those of `forge_refusals`, `replay` and `flood`, and the rest of
`withhold`, are not about what a message says."""


def tell(kind: str, telling: Telling) -> str | None:
    """Tell one of the lies of a kind, if any fits the message. Returns what it now says."""
    lies = list(KINDS.get(kind, ()))
    telling.random.shuffle(lies)
    return next((said for lie in lies if (said := lie(telling)) is not None), None)

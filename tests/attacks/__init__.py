"""Attacks on real nodes: what a stranger, a client with too much load, or a lying member tries.

Each attempt says what must come of it. `python -m tests.attacks` runs all and prints what came of them."""

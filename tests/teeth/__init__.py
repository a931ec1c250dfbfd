"""Bugs that a node must not have, planted one by one into the real code, and the proof that each is caught.

A plant replaces a function or two while a history runs; nothing of it is in the node. What catches it is the
simulation (`tests.simulation`), or a directed history: an ordinary test of the node, kept because it fails
where the bug is. The same histories without the bug pass, so nothing is caught that was not planted.

    python -m tests.teeth            plants all and prints what caught each; exits 1 if one survives
    python -m tests.teeth --only x   plants those with x in their names
"""

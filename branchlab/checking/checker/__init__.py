"""The promises that a run is checked for, by its run log alone: one module for each.

The checker never relies on a node's digest or on what it reports of its own state: a node that is wrong about
itself must not pass. Each module yields a `Finding` for every place where its promise does not hold.
"""

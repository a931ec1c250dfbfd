"""What a run is held to, by its run log alone: one module for each promise.

Nothing here trusts a node's digest or what it says of its own state: a node that is wrong about itself must
not pass. Each module yields a `Finding` for every place where its promise does not hold.
"""

"""Hello, the start of a network, and leaving it."""

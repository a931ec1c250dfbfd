"""The people at the branches: their requests, and the nodes' answers."""

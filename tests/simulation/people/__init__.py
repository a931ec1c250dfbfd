"""The people at the branches: what they ask of the nodes, and what the nodes answered them."""

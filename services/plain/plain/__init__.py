"""The report's own node: the plain design of a branch, taken literally. What it cannot do is its lesson."""

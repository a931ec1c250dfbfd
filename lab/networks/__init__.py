"""Running a network of nodes: which they are, what runs them, and how they fare."""

"""Running a network of nodes: its addresses, its drivers, and its state."""

"""Faults of the links between nodes and of their disks, made through the nodes' own gate (LAB_FAULTS=1)."""

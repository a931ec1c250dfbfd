"""Faults on purpose, for the lab: of links and of the disk."""

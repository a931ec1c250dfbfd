"""Situations worth seeing, each one a command that exits 0 when what should happen did happen."""

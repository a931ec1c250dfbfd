"""The log of a run, and whether the promises held in it."""

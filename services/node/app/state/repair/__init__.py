"""Rows that are not what was written: finding, mending, listing and moving them out."""

"""Altered and unwritten rows: finding, mending, listing and moving them out."""

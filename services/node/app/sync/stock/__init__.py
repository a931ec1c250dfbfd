"""Asks peers for rights, and counts the shelf with them."""

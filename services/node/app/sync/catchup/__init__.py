"""Catch-up: fetching whole rows from peers, and comparing rows with them."""

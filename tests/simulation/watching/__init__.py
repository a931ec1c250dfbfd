"""Compares the true history with every file, after every commit."""

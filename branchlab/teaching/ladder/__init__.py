"""Nodes that people bring: whether they keep the contract, and how far up the ladder they come."""

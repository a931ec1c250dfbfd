"""Plays a company's order history through a network of nodes, as its clients would have."""

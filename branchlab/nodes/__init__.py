"""Requests to nodes, and the shapes of their answers, over HTTP only."""

"""Calls to one peer: its state, the transport, and signed requests."""

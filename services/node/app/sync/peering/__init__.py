"""Talking to one peer: its state, the transport, signed calls, and when to try again."""

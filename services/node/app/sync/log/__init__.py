"""The log of events: outbox, receiver, positions, parked events, and the repair of altered own rows."""

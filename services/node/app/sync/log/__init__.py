"""The log of events: the outbox, the inbox, the events that could not be applied, and the log's repair."""

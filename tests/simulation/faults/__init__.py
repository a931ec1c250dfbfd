"""The faults of a history and their mending, one function for each kind."""

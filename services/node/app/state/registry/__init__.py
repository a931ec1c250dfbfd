"""The registry of what is replicated: one declaration for each table, and the rows that only newer versions
know."""

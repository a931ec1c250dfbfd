"""The pure decisions of replication: batches, hellos, acknowledgements, retries, and the end of an epoch."""

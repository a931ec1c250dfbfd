"""The decisions of replication, pure: of batches, hellos, acknowledgements, retries and the end of an epoch."""

"""What nodes decide of batches, hellos, acknowledgements, retries and the end of an epoch. Pure."""

"""What a run did, written as it happens, and whether the promises held."""

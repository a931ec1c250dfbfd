"""A network that runs: what is read of it, done to it and judged, all of it through one run log."""

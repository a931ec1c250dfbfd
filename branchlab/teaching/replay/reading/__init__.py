"""From the bytes of a file to a table of texts, and how that was done. Pure."""

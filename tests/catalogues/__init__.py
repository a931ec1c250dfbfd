"""The catalogues of what people read, against the code that they were taken from."""

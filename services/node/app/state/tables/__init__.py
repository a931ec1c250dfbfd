"""The tables of a branch: reading and writing their rows, one module for each table or kind of row."""

"""The programs that a node is compared with."""

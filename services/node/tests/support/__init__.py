"""What the node's tests share: virtual time, branches in memory, networks of whole nodes in one process."""

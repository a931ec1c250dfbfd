"""Authentication: passwords, client tokens, tokens between nodes, and the login throttle."""

"""The demonstration: ACME/SA's own order history, and a minute in which a branch is away and comes back."""

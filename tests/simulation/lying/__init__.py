"""A member that lies: what it has heard, what it says instead, and what it does to the others."""

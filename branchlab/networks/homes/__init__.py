"""Which folder a network belongs to, what tells that folder from a copy, and what it left over."""

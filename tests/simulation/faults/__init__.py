"""What goes wrong in a history and what mends it, one function for each kind of fault."""

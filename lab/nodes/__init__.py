"""What the lab sends to nodes and reads from them, over HTTP only."""

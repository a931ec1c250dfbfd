"""What nodes send each other: messages, event kinds and refusals."""

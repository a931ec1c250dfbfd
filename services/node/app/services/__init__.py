"""What routes call: commands, with the waiting, asking and retrying around them."""

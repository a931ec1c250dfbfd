"""The pure rules of a branch: values and decisions over them. Standard library only."""

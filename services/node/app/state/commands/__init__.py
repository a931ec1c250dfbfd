"""The commands of a branch: each one changes the tables inside one transaction."""

"""CONTRIBUTING's recipes as scripts, applied to a copy of the tree and tried there."""

"""The end of a history, after the healing: the stock count, and the verdict."""

"""What is done after the healing: the stock count, and the verdict."""

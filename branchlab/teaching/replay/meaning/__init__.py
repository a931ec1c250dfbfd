"""From tables of texts to products, customers and orders, or to the faults that keep them from it. Pure."""

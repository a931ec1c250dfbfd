"""The true history, and what every file shows beside it after every commit."""

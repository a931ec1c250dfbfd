"""The lesson in the control room: predicted, played in a program of its own, and seen by its log."""

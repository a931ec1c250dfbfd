"""The one error that reaches the person at the terminal."""


class LabError(Exception):
    """A problem that the person can solve. Its message is one plain line that says what to do; the command
    line prints it to stderr and exits 2."""

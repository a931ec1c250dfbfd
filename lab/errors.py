"""The one error that reaches the person at the terminal."""


class LabError(Exception):
    """Something the person can put right. Its message is one plain line that says what to do;
    the command line prints it to stderr and exits 2."""

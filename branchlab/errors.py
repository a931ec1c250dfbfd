"""The errors that reach the person at the terminal."""


class LabError(Exception):
    """A problem that the person can solve. Its message is one plain line that says what to do; the command
    line prints it to stderr and exits 2."""


class NotInTimeError(LabError):
    """Something was not there in time. Whether it would have come a little later, nobody can say: for a
    verdict that is unknown, and no failure."""

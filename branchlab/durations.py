"""Lengths of time as people write them: a number and a unit."""

_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def seconds_of(number: str, unit: str) -> float:
    """The seconds in so many `ms`, `s`, `m` or `h`."""
    return float(number) * _MILLISECONDS[unit] / 1000

"""A clock for the tests of `./lab replay`."""


class Clock:
    """A clock that only sleeping moves. Its `sleep` is one that a pace may be given."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

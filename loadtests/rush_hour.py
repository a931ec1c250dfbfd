"""Rush hour, a day in a minute: operators come in the morning, crowd at noon and go home."""

from typing import ClassVar

from loadtests.stages import Day, Stage


class RushHour(Day):
    """A day of mixed traffic."""

    abstract = False
    stages: ClassVar = (
        Stage(until=0.15, users=0.2),  # opening
        Stage(until=0.40, users=0.5),  # morning
        Stage(until=0.65, users=1.0),  # noon
        Stage(until=0.90, users=0.4),  # afternoon
        Stage(until=1.00, users=0.1),  # closing
    )

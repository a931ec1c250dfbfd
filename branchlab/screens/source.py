"""What the pages show: a network that runs, or a run that is played again."""

from typing import Protocol

from branchlab.checking.timeline.timeline import Timeline


class Source(Protocol):
    """Where a page gets what it shows. It reads nothing itself, so all pages show the same."""

    @property
    def timeline(self) -> Timeline:
        """All that is known, as of now."""
        ...

    @property
    def now(self) -> float:
        """The run's time, in seconds."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether anything can be done to it: a recorded run can only be looked at."""
        ...

    @property
    def length(self) -> float:
        """How long the run is so far, in seconds."""
        ...

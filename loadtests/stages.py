"""A run in stages: how many people are at work in each part of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from locust import LoadTestShape

_USERS_A_SECOND = 10.0
_USUAL_SECONDS = 60  # where somebody left the run time blank on Locust's page


@dataclass(frozen=True)
class Stage:
    """Until `until` (a share of the run time), `users` (a share of all) are at work."""

    until: float
    users: float


class Day(LoadTestShape):
    """Takes the most users and the run time from Locust's own options. `at_once`: all of a stage come at the
    same moment."""

    abstract = True
    use_common_options = True
    at_once: ClassVar[bool] = False
    stages: ClassVar[Sequence[Stage]] = ()

    def tick(self) -> tuple[int, float] | None:
        """(users, new users a second), or None when the day is over."""
        assert self.runner is not None, "Locust gives a shape its runner before it asks"
        options = self.runner.environment.parsed_options
        assert options is not None, "a locustfile is run with options"
        clock: Any = self  # Locust does not annotate get_run_time
        most = options.num_users or 1
        passed = clock.get_run_time() / (options.run_time or _USUAL_SECONDS)
        for stage in self.stages:
            if passed < stage.until:
                rate = float(most) if self.at_once else options.spawn_rate or _USERS_A_SECOND
                return max(1, round(stage.users * most)), rate
        return None

"""A day in a minute: operators come in the morning, crowd at noon, go home. `make load SHAPE=rush-hour`."""

from dataclasses import dataclass
from typing import Any

from locust import LoadTestShape


@dataclass(frozen=True)
class _Stage:
    """Until `until` (a share of the run time), `users` (a share of all) are at work."""

    until: float
    users: float


_DAY = (
    _Stage(until=0.15, users=0.2),  # opening
    _Stage(until=0.40, users=0.5),  # morning
    _Stage(until=0.65, users=1.0),  # noon
    _Stage(until=0.90, users=0.4),  # afternoon
    _Stage(until=1.00, users=0.1),  # closing
)


class RushHour(LoadTestShape):
    """Takes the most users and the run time from Locust's own options."""

    abstract = False
    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """(users, new users a second), or None when the day is over."""
        assert self.runner is not None, "Locust gives a shape its runner before it asks"
        options = self.runner.environment.parsed_options
        assert options is not None, "a locustfile is run with options"
        clock: Any = self  # Locust does not annotate get_run_time
        passed = clock.get_run_time() / options.run_time
        for stage in _DAY:
            if passed < stage.until:
                return max(1, round(stage.users * options.num_users)), options.spawn_rate or 10.0
        return None

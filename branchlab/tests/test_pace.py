"""A deadline follows the machine: what takes long here may take longer everywhere."""

from collections.abc import Callable
from typing import cast

from branchlab.networks.drivers import Driver
from branchlab.networks.pace import Pace


class SlowDriver:
    """Each of its verbs takes so many seconds of the clock it is given."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self._seconds = seconds
        self.started: list[str] = []

    def start(self, node: str) -> None:
        self.now += self._seconds
        self.started.append(node)

    def up(self, _options: object) -> None:
        self.now += 100 * self._seconds


def watched(seconds: float) -> tuple[SlowDriver, Driver, Pace]:
    slow = SlowDriver(seconds)
    clock: Callable[[], float] = lambda: slow.now  # noqa: E731  # of the driver itself
    pace = Pace(clock=clock)
    return slow, pace.watch(cast(Driver, slow)), pace


def test_on_a_quick_machine_a_deadline_stays_as_it_is() -> None:
    _, driver, pace = watched(2.0)
    driver.start("matriz")
    assert pace.patience(60.0) == 60.0


def test_where_the_drivers_verbs_are_slow_the_wait_is_longer() -> None:
    slow, driver, pace = watched(30.0)
    driver.start("matriz")
    assert slow.started == ["matriz"]
    assert pace.patience(60.0) == 300.0
    assert pace.patience(400.0) == 400.0


def test_no_wait_is_for_ever() -> None:
    _, driver, pace = watched(10_000.0)
    driver.start("matriz")
    assert pace.patience(60.0) == 1800.0


def test_building_and_founding_a_network_say_nothing_of_the_pace() -> None:
    _, driver, pace = watched(30.0)
    driver.up(cast("object", None))  # type: ignore[arg-type]  # this driver takes anything
    assert pace.patience(60.0) == 60.0

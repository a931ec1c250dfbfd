"""Classroom: the whole class comes at the bell, does the same at the same moment, and has a break."""

import time
from typing import ClassVar

from locust import task

from loadtests.people import HISTORY, Operator
from loadtests.stages import Day, Stage

_BEAT_SECONDS = 2.0  # between two moments at which all do something
_SKU = HISTORY.products[0].sku


class Pupil(Operator):
    """One pupil at one branch; the teacher's product is the same for all."""

    browse = task(2)(Operator.browse)
    order_again = task(1)(Operator.order_again_with_the_same_key)
    cancel = task(1)(Operator.cancel)

    @task(4)
    def order_with_all_others(self) -> None:
        self.order_one(_SKU, 1)

    def wait_time(self) -> float:
        """Until the next beat, which is the same for all."""
        return _BEAT_SECONDS - time.time() % _BEAT_SECONDS


class Lessons(Day):
    """Two lessons with a break between them. At the bell all come at once."""

    abstract = False
    at_once = True
    stages: ClassVar = (
        Stage(until=0.45, users=1.0),
        Stage(until=0.55, users=0.1),
        Stage(until=1.00, users=1.0),
    )

"""Login storm: everybody logs in again and again, while some already work."""

from locust import between, task

from loadtests.people import Operator


class Comer(Operator):
    """Somebody who comes to work."""

    wait_time = between(0.1, 0.5)
    log_in = task(6)(Operator.log_in)
    order = task(2)(Operator.order)
    browse = task(1)(Operator.browse)

    def on_start(self) -> None:
        """The first customers were waiting at the door."""
        self.order()

"""Read-heavy: nineteen of twenty requests only look."""

from locust import between, task

from loadtests.people import Operator


class Reader(Operator):
    """Somebody who looks things up for a customer on the telephone."""

    wait_time = between(0.05, 0.4)
    browse = task(6)(Operator.browse)
    look_at_orders = task(6)(Operator.look_at_orders)
    look_at_status = task(1)(Operator.look_at_status)
    order = task(1)(Operator.order)

"""Mixed traffic: people look around, order, ask again with the same key, cancel, and goods come in."""

from locust import task

from loadtests.people import Operator


class MixedTraffic(Operator):
    """The usual day."""

    browse = task(6)(Operator.browse)
    look_at_orders = task(2)(Operator.look_at_orders)
    order = task(8)(Operator.order)
    order_again = task(2)(Operator.order_again_with_the_same_key)
    cancel = task(1)(Operator.cancel)
    adjust = task(1)(Operator.adjust)

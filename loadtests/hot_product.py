"""Hot product: every branch sells the same product at once; some comes in now and then."""

from locust import between, task

from loadtests.people import HISTORY, Operator

_SKU = HISTORY.products[0].sku


class Buyer(Operator):
    """Somebody who wants what everybody wants."""

    wait_time = between(0.05, 0.3)
    order_again = task(1)(Operator.order_again_with_the_same_key)
    cancel = task(1)(Operator.cancel)

    @task(12)
    def buy(self) -> None:
        self.order_one(_SKU, 1)

    @task(1)
    def receive(self) -> None:
        self.adjust(_SKU)

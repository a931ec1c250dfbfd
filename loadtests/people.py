"""What every suite of operators is made of: people who look, order, ask again with the same key, and so on.

A suite is a Locust file with operators of its own (`locustfile.py`, `hot_product.py` and so on). It is run by
`make load` and `make load-ui` (branchlab/teaching/load/), which give it the network, the operators' tokens
and the run log by the environment, and judge that log afterwards. It goes to 127.0.0.1 only and ends within
ten minutes. In distributed mode each worker writes a log of its own, and the lab puts them together.
"""

import os
import random
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from locust import FastHttpUser, between, events
from locust.env import Environment
from locust.html import get_html_report
from locust.runners import WorkerRunner

from branchlab.errors import LabError
from branchlab.nodes.complete import complete_order
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.teaching.demo import generator
from loadtests import answers
from loadtests.shared import Load

_FORM = "application/x-www-form-urlencoded"
_MOST_ATTEMPTS = 4  # of one order, all with one key
_MISTAKES_EXIT_CODE = 3
HISTORY = generator.generate()
_page_of: Any = get_html_report  # Locust does not annotate it
_load = Load()


class Operator(FastHttpUser):
    """One person at one branch, who does what the methods below say. A suite says how often."""

    abstract = True
    wait_time = between(0.2, 1.0)
    network_timeout = 15.0  # longer than a node waits for its peers before it answers an order
    connection_timeout = 3.0

    def __init__(self, environment: Environment) -> None:
        self.node, self.login, token = _load.next_place()
        self.host = self.node.url  # whatever Locust's own --host says: the operator stays on this machine
        super().__init__(environment)
        self._signed = {"Authorization": f"Bearer {token}"}
        self._placed: dict[str, Mapping[str, Any]] = {}  # key → what was ordered
        self._orders: dict[str, str] = {}  # key → the order's id

    def browse(self) -> None:
        """Looks through the catalogue, then at what is left of one product."""
        product = random.choice(HISTORY.products)
        self._look("/products?limit=50", name="/products")
        self._look(f"/stock/{product.sku}", name="/stock/{sku}")

    def look_at_orders(self) -> None:
        self._look("/orders?limit=20", name="/orders")
        if self._orders:
            order_id = random.choice([*self._orders.values()])
            self._look(f"/orders/{order_id}", name="/orders/{id}")

    def order(self) -> None:
        """Orders what some customer of the history once ordered."""
        wanted = random.choice(HISTORY.orders)
        self._order(wanted.customer, {line.sku: line.quantity for line in wanted.lines})

    def order_one(self, sku: str, quantity: int) -> None:
        """Some customer orders units of one product."""
        self._order(random.choice(HISTORY.customers)["code"], {sku: quantity})

    def order_again_with_the_same_key(self) -> None:
        """As somebody does who is not sure that the first click counted: it must sell nothing twice."""
        if not self._orders:
            return
        key = random.choice([*self._orders])
        before = self._orders[key]
        if self._place(key, self._placed[key], attempt=2) not in (before, None):
            _load.note_mistake(f"the key {key} gave order {before}, then another one")

    def cancel(self) -> None:
        if not self._orders:
            return
        key = random.choice([*self._orders])
        order_id = self._orders.pop(key)
        op = _load.log.invoke("cancel", self.node.name, {"order": order_id})
        self._ask(op, "POST", f"/orders/{order_id}/cancel", name="/orders/{id}/cancel")

    def adjust(self, sku: str | None = None) -> None:
        """Mostly goods come in and are shared; now and then something breaks."""
        quantity = random.randint(10, 40) if random.random() < 0.8 else -random.randint(1, 3)
        reason = "goods received" if quantity > 0 else "broken"
        sku = sku or random.choice(HISTORY.products).sku
        request = {"sku": sku, "quantity": quantity, "share": "equal"}
        op = _load.log.invoke("adjust", self.node.name, request)
        self._ask(op, "POST", "/stock/adjustments", json={**request, "reason": reason})

    def log_in(self) -> None:
        """Logs in anew, as in the morning; the next requests are signed with the new token."""
        username, password = self.login
        form = urlencode({"username": username, "password": password})
        answer = self._ask(None, "POST", "/auth/login", form=form)
        if not isinstance(answer, Refused | Unknown):
            self._signed = {"Authorization": f"Bearer {answer['access_token']}"}

    def look_at_status(self) -> None:
        self._look("/status", name="/status")

    def _order(self, customer: str, wanted: Mapping[str, int]) -> None:
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in wanted.items()]
        request = {"customer": customer, "lines": lines, "note": _load.mark}
        self._place(f"load-{uuid.uuid4()}", request)

    def _place(self, key: str, request: Mapping[str, Any], *, attempt: int = 1) -> str | None:
        """The order's id; asks again with the same key while the outcome is unknown."""
        for number in range(attempt, attempt + _MOST_ATTEMPTS):
            op = _load.log.invoke("order", self.node.name, request, key=key, attempt=number)
            outcome = self._ask(op, "POST", "/orders", json=request, headers={"Idempotency-Key": key})
            if isinstance(outcome, Unknown):
                continue
            if isinstance(outcome, Refused):
                return None
            self._placed[key], self._orders[key] = request, outcome["id"]
            return str(outcome["id"])
        return None

    def _look(self, path: str, *, name: str) -> None:
        self._ask(None, "GET", path, name=name)

    def _ask(
        self,
        op: int | None,
        method: str,
        path: str,
        *,
        name: str | None = None,
        json: Any = None,
        form: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The value, or the Refused or Unknown itself; writes it to the run log as the outcome of `op`."""
        _load.require_parent()
        signed = {**({"Content-Type": _FORM} if form else self._signed), **(headers or {})}
        of_branch = f"{self.node.name} {name or path}"  # so that a branch that is away shows as such
        with self.client.request(
            method, path, name=of_branch, json=json, data=form, headers=signed, catch_response=True
        ) as response:
            try:
                value = answers.value_in(
                    response.status_code, response.content, getattr(response, "error", None)
                )
            except (Refused, Unknown) as outcome:
                if answers.is_failure(outcome):
                    response.failure(str(outcome))
                else:
                    response.success()
                if answers.is_mistake(outcome, response.status_code):
                    _load.note_mistake(f"{method} {path}: {outcome}")
                _record(op, outcome)
                return outcome
            response.success()
        if op is not None:
            _load.log.ok(op, response=complete_order(value) if path.startswith("/orders") else value)
        return value


def _record(op: int | None, outcome: Refused | Unknown) -> None:
    if op is None:
        return
    if isinstance(outcome, Refused):
        _load.log.fail(op, status=outcome.status, code=outcome.code, problem=outcome.problem)
    else:
        _load.log.info(op, reason=str(outcome))


def _prepare(environment: Environment, **_: Any) -> None:
    with _refusing():
        _load.prepare(environment)


def _open(environment: Environment, **_: Any) -> None:
    with _refusing():
        _load.open(environment)


def _close(**_: Any) -> None:
    _load.close()


def _quit(environment: Environment, **_: Any) -> None:
    """Writes the report: Locust's own `--html` would not, when a signal ends it. Orders that were refused or
    stayed unknown are the run log's business, not the exit code's. Workers have told their master."""
    assert environment.runner is not None, "only what runs quits"
    if isinstance(environment.runner, WorkerRunner):
        return
    if report := os.environ.get("LAB_LOAD_REPORT"):
        Path(report).write_text(_page_of(environment, show_download_link=False), encoding="utf-8")
    mistaken = _load.mistakes or environment.runner.exceptions
    environment.process_exit_code = _MISTAKES_EXIT_CODE if mistaken else 0


@contextmanager
def _refusing() -> Iterator[None]:
    """Ends the program with one plain line on a mistake; at once, since Locust only logs what raises here."""
    try:
        yield
    except LabError as error:
        sys.stderr.write(f"locust: {error}\n")
        sys.stderr.flush()
        os._exit(2)


_hooks: Any = events  # Locust does not annotate its hooks
_hooks.init.add_listener(_prepare)
_hooks.test_start.add_listener(_open)
_hooks.test_stop.add_listener(_close)
_hooks.quitting.add_listener(_quit)

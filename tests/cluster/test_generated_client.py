"""A client that a program makes of the nodes' OpenAPI document: made without a warning, it sells."""

import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.cluster import tools
from tests.cluster.cluster import StartCluster

pytestmark = [pytest.mark.cluster, pytest.mark.client_generator]

_SECONDS = 300
# It runs where neither the node's code nor the lab's is.
_SHOP = """
import json, sys

from branch.api.auth import get_me, log_in
from branch.api.customers import create_customer
from branch.api.orders import get_order, list_orders, place_order
from branch.api.products import create_product
from branch.api.status import get_status
from branch.api.stock import adjust_stock, get_stock
from branch.client import AuthenticatedClient, Client
from branch.models import Adjustment, LogInBody, NewCustomer, NewOrder, NewProduct, WantedLine

node, username, password = sys.argv[1:]
form = LogInBody(username=username, password=password)
token = log_in.sync(client=Client(base_url=node), body=form)
wrong = log_in.sync(client=Client(base_url=node), body=LogInBody(username=username, password="not it"))
client = AuthenticatedClient(base_url=node, token=token.access_token)

me = get_me.sync(client=client)
create_customer.sync(client=client, body=NewCustomer(code="ALFKI", name="Alfreds Futterkiste"))
create_product.sync(client=client, body=NewProduct(sku="CAFE", name="Café 500 g", price_cents=1890))
adjust_stock.sync(client=client, body=Adjustment(sku="CAFE", quantity=10, reason="Delivery"))
wanted = NewOrder(customer="ALFKI", lines=[WantedLine(sku="CAFE", quantity=2)])
order = place_order.sync(client=client, body=wanted, idempotency_key="counter-1-0001")
again = place_order.sync(client=client, body=wanted, idempotency_key="counter-1-0001")
many = NewOrder(customer="ALFKI", lines=[WantedLine(sku="CAFE", quantity=99)])
refused = place_order.sync(client=client, body=many)
page = list_orders.sync(client=client, limit=5)
status = get_status.sync(client=client)

print(json.dumps({
    "me": me.username,
    "wrong": wrong.code,
    "sold": [order.total_cents, order.customer.name, again.id == order.id],
    "read": get_order.sync(client=client, order_id=order.id).id == order.id,
    "listed": [one.id for one in page.items] == [order.id],
    "next": page.next_,
    "left": get_stock.sync(client=client, sku="CAFE").available,
    "refused": [refused.code, refused["wanted"]],
    "node": [status.node, status.now[:2]],
}))
"""


def generator() -> Path:
    found = tools.client_generator()
    assert found is not None, "the generator is not installed"
    return found


def test_the_generator_that_is_needed_is_here() -> None:
    assert generator().is_file()


def test_a_generated_client_logs_in_sells_and_reads(start_cluster: StartCluster, tmp_path: Path) -> None:
    cluster = start_cluster(2)
    node, program = cluster.network.url("matriz"), generator()
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx.get(f"{node}/openapi.json").content)

    made = subprocess.run(
        [
            program,
            "generate",
            "--path",
            document,
            "--meta",
            "none",
            "--output-path",
            tmp_path / "branch",
            "--fail-on-warning",
        ],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert (made.returncode, "warning" in (made.stdout + made.stderr).lower()) == (0, False), made.stdout

    secrets = cluster.secrets
    sold = subprocess.run(
        [program.parent / "python", "-c", _SHOP, node, secrets.admin_username, secrets.admin_password],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert sold.returncode == 0, sold.stderr
    assert json.loads(sold.stdout) == {
        "me": "admin",
        "wrong": "unauthenticated",
        "sold": [3780, "Alfreds Futterkiste", True],
        "read": True,
        "listed": True,
        "next": None,
        "left": 8,
        "refused": ["out_of_stock", 99],
        "node": ["matriz", "20"],
    }

"""The requests that every rival gets: orders over one catalogue, as text for the generator."""

import json
from collections.abc import Sequence
from random import Random

PRODUCTS = 200
CUSTOMERS = 50
_BODIES = 2000  # different ones; the generator begins again after the last
_QUANTITIES = (1, 2, 1)

Request = tuple[str, str]
"""What kind of request it is, and its whole text."""


def sku(number: int) -> str:
    return f"P-{number}"


def customer(number: int) -> str:
    return f"C-{number}"


def orders(token: str, *, lines: int = 3, products: Sequence[int] = range(PRODUCTS)) -> list[Request]:
    """Orders of so many lines each over the products, the same ones every time."""
    chance = Random(7)
    found = []
    for _ in range(_BODIES):
        wanted = zip(chance.sample(products, lines), _QUANTITIES, strict=False)
        body = {
            "customer": customer(chance.randrange(CUSTOMERS)),
            "lines": [{"sku": sku(number), "quantity": quantity} for number, quantity in wanted],
        }
        found.append(("order", post("/orders", body, token)))
    return found


def post(path: str, body: object, token: str) -> str:
    """A POST of JSON."""
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    lines = [
        f"POST {path} HTTP/1.1",
        *_headers(token),
        "Content-Type: application/json",
        f"Content-Length: {len(text)}",
    ]
    return "\r\n".join([*lines, "", text])


def get(path: str, token: str) -> str:
    return "\r\n".join([f"GET {path} HTTP/1.1", *_headers(token), "", ""])


def _headers(token: str) -> list[str]:
    return ["Host: 127.0.0.1", f"Authorization: Bearer {token}"]

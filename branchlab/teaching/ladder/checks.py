"""The checks of docs/node-contract.md, route by route. Each uses what the ones before it made."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from branchlab.language import Language
from branchlab.poll import poll
from branchlab.teaching.ladder.visit import USERS_PASSWORD, Broken, Visit, has, number, same, text

_SPREADS_SECONDS = 15.0
_BUYERS = 12  # of the last units, at once
_TOTALS = ("received", "returned", "sold", "removed")


@dataclass(frozen=True)
class Check:
    """One promise of the contract. `rung` is the exercise of the ladder that asks for it."""

    rung: int
    route: str
    words: Mapping[Language, str]
    run: Callable[[Visit], Awaitable[None]]


async def healthy(visit: Visit) -> None:
    await visit.ask("GET", "/healthz", status=200, token=None)


async def ready(visit: Visit) -> None:
    await visit.ask("GET", "/readyz", status=200, token=None)


async def logs_in(visit: Visit) -> None:
    visit.token = await visit.log_in(visit.username, visit.password)


async def keeps_out(visit: Visit) -> None:
    form = {"username": visit.username, "password": "not the right one", "grant_type": "password"}
    await visit.refused("POST", "/auth/login", status=401, code="unauthenticated", data=form, token=None)
    await visit.refused("GET", "/status", status=401, token=None)
    await visit.refused("GET", "/status", status=401, token=".".join("abc"))


async def tells_status(visit: Visit) -> None:
    status = has(await visit.ask("GET", "/status", status=200), "ready", "pending", "counts", "stock")
    visit.made["node"] = text(status, "node")
    text(status, "digest")
    same("`ready`", status["ready"], True)
    number(status["counts"], "orders")
    number(status["stock"], "available")
    for peer in has(status["pending"]):
        number(status["pending"], peer)


async def makes_products(visit: Visit) -> None:
    new = {"sku": visit.sku, "name": "Café torrado", "price_cents": 1890}
    made = await visit.ask("POST", "/products", status=201, json=new)
    same("the product", {name: has(made, *new)[name] for name in new}, new)
    text(made, "id")
    for other in ("CHA", "LEITE"):
        await visit.ask("POST", "/products", status=201, json={**new, "sku": f"{visit.tag}-{other}"})
    await visit.refused("POST", "/products", status=409, code="already_exists", json=new)


async def lists_products(visit: Visit) -> None:
    found = [text(item, "sku") for item in await visit.items("/products")]
    mine = sorted(sku for sku in found if sku.startswith(f"{visit.tag}-"))
    same("the list", mine, [f"{visit.tag}-{name}" for name in ("CAFE", "CHA", "LEITE")])


async def makes_customers(visit: Visit) -> None:
    new = {"code": visit.customer, "name": "Padaria do Sol"}
    made = has(await visit.ask("POST", "/customers", status=201, json=new), "id")
    same("the customer", {name: has(made, *new)[name] for name in new}, new)
    codes = [text(item, "code") for item in await visit.items("/customers")]
    same("how often the list has it", codes.count(visit.customer), 1)


async def makes_users(visit: Visit) -> None:
    name = f"{visit.tag.lower()}-ana"
    new = {"username": name, "password": USERS_PASSWORD, "role": "operador"}
    made = await visit.ask("POST", "/users", status=201, json=new)
    same("the user's role", has(made, "id", "username", "role")["role"], "operador")
    if "password" in made or USERS_PASSWORD in str(made):
        raise Broken("the answer shows the password")
    operator = await visit.log_in(name, USERS_PASSWORD)
    product = {"sku": f"{visit.tag}-NO", "name": "Not theirs", "price_cents": 1}
    await visit.refused("POST", "/products", status=403, json=product, token=operator)
    listed = [text(item, "username") for item in await visit.items("/users")]
    same("how often the list has the user", listed.count(name), 1)


async def receives(visit: Visit) -> None:
    body = {"sku": visit.sku, "quantity": 10, "reason": "delivery", "share": "keep"}
    await visit.ask("POST", "/stock/adjustments", status=201, json=body)
    await visit.ask("POST", "/stock/adjustments", status=201, json={**body, "quantity": -1})
    same("`available` after +10 and -1", await visit.available(), 9)
    await visit.refused("POST", "/stock/adjustments", status=409, json={**body, "quantity": -100})
    same("`available` after a refusal", await visit.available(), 9)


async def shows_stock(visit: Visit) -> None:
    listed = {text(item, "sku"): item for item in await visit.items("/stock")}
    stock = has(listed.get(visit.sku), "available")
    if "rows" not in stock:
        totals = {name: number(stock, name) for name in _TOTALS}
        left = totals["received"] + totals["returned"] - totals["sold"] - totals["removed"]
        same("received + returned - sold - removed", left, number(stock, "available"))


async def sells(visit: Visit) -> None:
    order = await visit.order(2, key="first", note="mark")
    for name in ("id", "number", "created_at"):
        text(order, name)
    same("`branch`", text(order, "branch"), visit.need("node"))
    same("`status`", text(order, "status"), "placed")
    same("`note`", has(order, "note")["note"], "mark")
    same("`customer.code`", text(has(order, "customer")["customer"], "code"), visit.customer)
    (line,) = has(order, "lines")["lines"]
    same("the line", {name: has(line, name)[name] for name in ("sku", "quantity", "unit_price_cents")},
         {"sku": visit.sku, "quantity": 2, "unit_price_cents": 1890})  # fmt: skip
    same("`total_cents`", number(order, "total_cents"), 3780)
    same("`available` after an order of 2", await visit.available(), 7)
    visit.made["order"] = order


async def repeats(visit: Visit) -> None:
    again = await visit.order(2, key="first", note="mark")
    same("the order of the same key", text(again, "id"), visit.need("order")["id"])
    same("`available` after asking again", await visit.available(), 7)


async def refuses(visit: Visit) -> None:
    many, other = {"sku": visit.sku, "quantity": 1000}, {"sku": f"{visit.tag}-NONE", "quantity": 1}
    wanted = {"customer": visit.customer, "lines": [many]}
    await visit.refused("POST", "/orders", status=409, code="out_of_stock", json=wanted)
    for lines in ([other], [{**many, "quantity": 0}], []):
        await visit.refused("POST", "/orders", status=422, json={**wanted, "lines": lines})
    nobody = {"customer": f"{visit.tag}-NOBODY", "lines": [{**many, "quantity": 1}]}
    await visit.refused("POST", "/orders", status=422, json=nobody)
    same("`available` after refusals", await visit.available(), 7)


async def reads_orders(visit: Visit) -> None:
    placed = visit.need("order")
    shown = await visit.ask("GET", f"/orders/{placed['id']}", status=200)
    for name in ("number", "branch", "status", "lines", "total_cents", "created_at"):
        same(f"`{name}` of the order", has(shown, name)[name], placed[name])
    ids = [text(item, "id") for item in await visit.items("/orders")]
    same("how often the list has it", ids.count(placed["id"]), 1)
    await visit.refused("GET", "/orders/00000000-0000-0000-0000-000000000000", status=404, code="not_found")


async def cancels(visit: Visit) -> None:
    path = f"/orders/{visit.need('order')['id']}/cancel"
    for _ in range(2):  # the second time changes nothing
        same("`status`", text(await visit.ask("POST", path, status=200), "status"), "cancelled")
        same("`available` after the cancellation", await visit.available(), 9)


async def never_below_zero(visit: Visit) -> None:
    await visit.order(7, key="most")
    body = {"customer": visit.customer, "lines": [{"sku": visit.sku, "quantity": 1}]}

    async def buy(number: int) -> int:
        answer = await visit.ask(
            "POST", "/orders", status=(201, 409), json=body, key=f"{visit.tag}-buyer-{number}"
        )
        return "number" in has(answer)

    sold = sum(await asyncio.gather(*map(buy, range(_BUYERS))))
    same(f"what {_BUYERS} buyers at once got of 2 units", sold, 2)
    same("`available` after them", await visit.available(), 0)


async def spreads(visit: Visit) -> None:
    """What the first node has, every other has after a while, and all say the same of it."""

    async def there(peer: Visit) -> str:
        try:
            same(f"the digest of {peer.need('node')}", await _digest(peer), await _digest(visit))
            orders = {text(item, "id") for item in await peer.items("/orders")}
            same("whether the peer has the order", visit.need("order")["id"] in orders, True)
        except Broken as broken:
            return str(broken)
        return ""

    for peer in visit.peers:
        if why := await poll(lambda: there(peer), until=lambda found: not found, seconds=_SPREADS_SECONDS):  # noqa: B023
            raise Broken(f"{why} ({_SPREADS_SECONDS:.0f} s later)")


async def one_token(visit: Visit) -> None:
    for peer in visit.peers:
        await peer.ask("GET", "/status", status=200, token=visit.token)


async def _digest(visit: Visit) -> str:
    return text(await visit.ask("GET", "/status", status=200), "digest")


def _check(rung: int, route: str, run: Callable[[Visit], Awaitable[None]], *, en: str, pt: str) -> Check:
    return Check(rung, route, {"en": en, "pt-BR": pt}, run)


CHECKS: tuple[Check, ...] = (
    _check(1, "GET /healthz", healthy, en="it answers", pt="responde"),
    _check(1, "GET /readyz", ready, en="it is ready to serve", pt="está pronto"),
    _check(1, "POST /auth/login", logs_in, en="the admin logs in", pt="o admin entra"),
    _check(1, "401", keeps_out, en="nobody else gets in", pt="ninguém mais entra"),
    _check(1, "GET /status", tells_status, en="it says how it is", pt="diz como está"),
    _check(
        2, "POST /products", makes_products, en="products, each sku once", pt="produtos, cada sku uma vez"
    ),
    _check(2, "GET /products", lists_products, en="lists come in pages", pt="listas vêm em páginas"),
    _check(2, "/customers", makes_customers, en="customers", pt="clientes"),
    _check(2, "/users", makes_users, en="users, and what they may do", pt="usuários, e o que podem"),
    _check(2, "POST /stock/adjustments", receives, en="units come and go", pt="unidades entram e saem"),
    _check(2, "GET /stock", shows_stock, en="the numbers add up", pt="os números fecham"),
    _check(2, "POST /orders", sells, en="an order, whole", pt="um pedido, inteiro"),
    _check(2, "Idempotency-Key", repeats, en="the same key, the same order", pt="mesma chave, mesmo pedido"),
    _check(2, "POST /orders 409 422", refuses, en="refusals change nothing", pt="recusas não mudam nada"),
    _check(2, "GET /orders", reads_orders, en="orders are read back", pt="pedidos são relidos"),
    _check(2, "POST /orders/{id}/cancel", cancels, en="units come back once", pt="unidades voltam uma vez"),
    _check(2, "POST /orders at once", never_below_zero, en="no more than there is", pt="não mais do que há"),
    _check(3, "Authorization", one_token, en="a token counts at every node", pt="um token vale em todo nó"),
    _check(3, "peers", spreads, en="all nodes show the same", pt="todos os nós mostram o mesmo"),
)

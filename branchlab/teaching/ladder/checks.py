"""The checks of docs/node-contract.md, route by route. Each uses what the ones before it made."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from branchlab.language import N_, _
from branchlab.poll import poll
from branchlab.teaching.ladder.visit import USERS_PASSWORD, Broken, Visit, has, number, same, text

_SPREADS_SECONDS = 15.0
_BUYERS = 12  # of the last units, at once
_TOTALS = ("received", "returned", "sold", "removed")


@dataclass(frozen=True)
class Check:
    """One promise of the contract. `rung` is the exercise of the ladder that asks for it, `says` a key of the
    catalogue."""

    rung: int
    route: str
    says: str
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
    same(_("the product"), {name: has(made, *new)[name] for name in new}, new)
    text(made, "id")
    for other in ("CHA", "LEITE"):
        await visit.ask("POST", "/products", status=201, json={**new, "sku": f"{visit.tag}-{other}"})
    await visit.refused("POST", "/products", status=409, code="already_exists", json=new)


async def lists_products(visit: Visit) -> None:
    found = [text(item, "sku") for item in await visit.items("/products")]
    mine = sorted(sku for sku in found if sku.startswith(f"{visit.tag}-"))
    same(_("the list"), mine, [f"{visit.tag}-{name}" for name in ("CAFE", "CHA", "LEITE")])


async def makes_customers(visit: Visit) -> None:
    new = {"code": visit.customer, "name": "Padaria do Sol"}
    made = has(await visit.ask("POST", "/customers", status=201, json=new), "id")
    same(_("the customer"), {name: has(made, *new)[name] for name in new}, new)
    codes = [text(item, "code") for item in await visit.items("/customers")]
    same(_("how often the list has it"), codes.count(visit.customer), 1)


async def makes_users(visit: Visit) -> None:
    name = f"{visit.tag.lower()}-ana"
    new = {"username": name, "password": USERS_PASSWORD, "role": "operador"}
    made = await visit.ask("POST", "/users", status=201, json=new)
    same(_("the user's role"), has(made, "id", "username", "role")["role"], "operador")
    if "password" in made or USERS_PASSWORD in str(made):
        raise Broken(_("the answer shows the password"))
    operator = await visit.log_in(name, USERS_PASSWORD)
    product = {"sku": f"{visit.tag}-NO", "name": "Not theirs", "price_cents": 1}
    await visit.refused("POST", "/products", status=403, json=product, token=operator)
    listed = [text(item, "username") for item in await visit.items("/users")]
    same(_("how often the list has the user"), listed.count(name), 1)


async def receives(visit: Visit) -> None:
    body = {"sku": visit.sku, "quantity": 10, "reason": "delivery", "share": "keep"}
    await visit.ask("POST", "/stock/adjustments", status=201, json=body)
    await visit.ask("POST", "/stock/adjustments", status=201, json={**body, "quantity": -1})
    same(_("`available` after +10 and -1"), await visit.available(), 9)
    await visit.refused("POST", "/stock/adjustments", status=409, json={**body, "quantity": -100})
    same(_("`available` after a refusal"), await visit.available(), 9)


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
    same(_("the line"), {name: has(line, name)[name] for name in ("sku", "quantity", "unit_price_cents")},
         {"sku": visit.sku, "quantity": 2, "unit_price_cents": 1890})  # fmt: skip
    same("`total_cents`", number(order, "total_cents"), 3780)
    same(_("`available` after an order of 2"), await visit.available(), 7)
    visit.made["order"] = order


async def repeats(visit: Visit) -> None:
    again = await visit.order(2, key="first", note="mark")
    same(_("the order of the same key"), text(again, "id"), visit.need("order")["id"])
    same(_("`available` after asking again"), await visit.available(), 7)


async def refuses(visit: Visit) -> None:
    many, other = {"sku": visit.sku, "quantity": 1000}, {"sku": f"{visit.tag}-NONE", "quantity": 1}
    wanted = {"customer": visit.customer, "lines": [many]}
    await visit.refused("POST", "/orders", status=409, code="out_of_stock", json=wanted)
    for lines in ([other], [{**many, "quantity": 0}], []):
        await visit.refused("POST", "/orders", status=422, json={**wanted, "lines": lines})
    nobody = {"customer": f"{visit.tag}-NOBODY", "lines": [{**many, "quantity": 1}]}
    await visit.refused("POST", "/orders", status=422, json=nobody)
    same(_("`available` after refusals"), await visit.available(), 7)


async def reads_orders(visit: Visit) -> None:
    placed = visit.need("order")
    shown = await visit.ask("GET", f"/orders/{placed['id']}", status=200)
    for name in ("number", "branch", "status", "lines", "total_cents", "created_at"):
        same(_("`{name}` of the order", name=name), has(shown, name)[name], placed[name])
    ids = [text(item, "id") for item in await visit.items("/orders")]
    same(_("how often the list has it"), ids.count(placed["id"]), 1)
    await visit.refused("GET", "/orders/00000000-0000-0000-0000-000000000000", status=404, code="not_found")


async def cancels(visit: Visit) -> None:
    path = f"/orders/{visit.need('order')['id']}/cancel"
    for _time in range(2):  # the second time changes nothing
        same("`status`", text(await visit.ask("POST", path, status=200), "status"), "cancelled")
        same(_("`available` after the cancellation"), await visit.available(), 9)


async def never_below_zero(visit: Visit) -> None:
    await visit.order(7, key="most")
    body = {"customer": visit.customer, "lines": [{"sku": visit.sku, "quantity": 1}]}

    async def buy(number: int) -> int:
        answer = await visit.ask(
            "POST", "/orders", status=(201, 409), json=body, key=f"{visit.tag}-buyer-{number}"
        )
        return "number" in has(answer)

    sold = sum(await asyncio.gather(*map(buy, range(_BUYERS))))
    same(_("what {buyers} buyers at once got of 2 units", buyers=_BUYERS), sold, 2)
    same(_("`available` after them"), await visit.available(), 0)


async def spreads(visit: Visit) -> None:
    """What the first node has, every other has after a while, and all say the same of it."""

    async def there(peer: Visit) -> str:
        try:
            same(_("the digest of {node}", node=peer.need("node")), await _digest(peer), await _digest(visit))
            orders = {text(item, "id") for item in await peer.items("/orders")}
            same(_("whether the peer has the order"), visit.need("order")["id"] in orders, True)
        except Broken as broken:
            return str(broken)
        return ""

    for peer in visit.peers:
        if why := await poll(lambda: there(peer), until=lambda found: not found, seconds=_SPREADS_SECONDS):  # noqa: B023  # awaited in this turn of the loop
            raise Broken(_("{why} ({seconds:.0f} s later)", why=why, seconds=_SPREADS_SECONDS))


async def one_token(visit: Visit) -> None:
    for peer in visit.peers:
        await peer.ask("GET", "/status", status=200, token=visit.token)


async def _digest(visit: Visit) -> str:
    return text(await visit.ask("GET", "/status", status=200), "digest")


CHECKS: tuple[Check, ...] = (
    Check(1, "GET /healthz", N_("it answers"), healthy),
    Check(1, "GET /readyz", N_("it is ready to serve"), ready),
    Check(1, "POST /auth/login", N_("the admin logs in"), logs_in),
    Check(1, "401", N_("nobody else gets in"), keeps_out),
    Check(1, "GET /status", N_("it says how it is"), tells_status),
    Check(2, "POST /products", N_("products, each sku once"), makes_products),
    Check(2, "GET /products", N_("lists come in pages"), lists_products),
    Check(2, "/customers", N_("customers"), makes_customers),
    Check(2, "/users", N_("users, and what they may do"), makes_users),
    Check(2, "POST /stock/adjustments", N_("units come and go"), receives),
    Check(2, "GET /stock", N_("the numbers add up"), shows_stock),
    Check(2, "POST /orders", N_("an order, whole"), sells),
    Check(2, "Idempotency-Key", N_("the same key, the same order"), repeats),
    Check(2, "POST /orders 409 422", N_("refusals change nothing"), refuses),
    Check(2, "GET /orders", N_("orders are read back"), reads_orders),
    Check(2, "POST /orders/{id}/cancel", N_("units come back once"), cancels),
    Check(2, "POST /orders at once", N_("no more than there is"), never_below_zero),
    Check(3, "Authorization", N_("a token counts at every node"), one_token),
    Check(3, "peers", N_("all nodes show the same"), spreads),
)

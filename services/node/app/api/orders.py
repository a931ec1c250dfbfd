"""/orders: placing and cancelling orders at this branch."""

import hashlib
import re
import sqlite3
from collections.abc import Sequence
from typing import Annotated

from fastapi import Header, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field

from app.api.at_once import ANY, Asked, Ready, Routes, one
from app.api.dependencies import AnyUser, CurrentActor, CurrentCaller, CurrentNode
from app.api.json_body import JsonBody, LongWay
from app.api.openapi import READ, WRITE, refusals
from app.api.order_texts import canonical_order, listed_shown, order_shown, plain_order
from app.api.pages import MOST_PARTS, page_at_once, send_page
from app.api.pagination import PageQuery
from app.api.schemas.base import Page
from app.api.schemas.orders import NewOrder, Order, OrderLine
from app.api.strictness import StrictRouter, fault
from app.config import Settings
from app.database import Actor
from app.domain import text
from app.node import BranchNode
from app.services.caller import Caller
from app.state.commands.order_commands import PlaceOrder
from app.state.tables import order_briefs, order_lists
from app.state.tables.order_briefs import Brief
from app.state.tables.order_lists import Listed
from app.state.tables.orders import OrderView

router = StrictRouter(prefix="/orders", tags=["orders"], dependencies=[AnyUser])

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Repeat it to retry: the same order is then returned."),
    Field(min_length=1, max_length=text.IDEMPOTENCY_KEY, pattern=r"^[\x21-\x7e]+$"),
]
_KEY = re.compile(rf"[\x21-\x7e]{{1,{text.IDEMPOTENCY_KEY}}}")
_NEW_ORDER = JsonBody(NewOrder)
_OF_LINE = tuple(OrderLine.model_fields)


Durable = Annotated[
    int | None,
    Query(ge=0, le=100, description="Answer 201 only when so many peers have stored the order."),
]


def required_copies(durable: int | None, settings: Settings, *, peers: int) -> int:
    """How many peers must have stored an order. Raises RequestValidationError for
    more than are members (`peers`)."""
    if durable is not None and durable > peers:
        raise RequestValidationError([fault("query", "durable", "more_than_peers")])
    return max(durable or 0, settings.replication_min_acks)


@router.post(
    "",
    operation_id="placeOrder",
    summary="Place an order",
    status_code=201,
    responses={
        202: {"model": Order, "description": "Durable here; not yet at as many peers as were asked for"},
        **refusals(
            *WRITE,
            "unknown_sku",
            "unknown_customer",
            "key_reused",
            "out_of_stock",
            "policy_mismatch",
            "fenced",
        ),
    },
)
async def place(
    *,
    wanted: NewOrder,
    node: CurrentNode,
    actor: CurrentActor,
    caller: CurrentCaller,
    response: Response,
    durable: Durable = None,
    idempotency_key: IdempotencyKey = None,
) -> Order:
    """Sell at this branch, at the catalogue's prices. 201 means that it is durable here, and at as
    many peers as `durable` or REPLICATION_MIN_ACKS asks for; 202, that it is durable here and those
    peers have not all answered yet: its page, named in Location, shows `stored_by`."""
    copies = required_copies(durable, node.settings, peers=node.members.others)
    placed = await _place(node, _order_of(wanted), actor=actor, key=idempotency_key, caller=caller)
    response.headers["Location"] = f"/orders/{placed.id}"
    if copies:
        placed, stored = await node.orders.until_stored(placed.id, copies=copies, caller=caller)
        response.status_code = 201 if stored else 202
    return Order.model_validate(placed)


async def place_at_once(asked: Asked) -> Ready:
    """`place`, for an order that waits for no peer."""
    if asked.query or asked.node.settings.replication_min_acks:
        raise LongWay
    key = asked.header(b"idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise LongWay
    user = await asked.user()
    found = plain_order(asked.body) or _NEW_ORDER.read(asked.body)
    if isinstance(found, list):
        return asked.misfit(found)
    order = found if isinstance(found, PlaceOrder) else _order_of(found)
    placed = await _place(asked.node, order, actor=asked.actor(user), key=key, caller=asked.caller)
    return Ready(201, order_shown(placed), headers=((b"location", f"/orders/{placed.id}".encode()),))


def _order_of(wanted: NewOrder) -> PlaceOrder:
    lines = tuple((line.sku, line.quantity) for line in wanted.lines)
    return PlaceOrder(customer=wanted.customer, lines=lines, note=wanted.note)


async def _place(
    node: BranchNode, order: PlaceOrder, *, actor: Actor, key: str | None, caller: Caller
) -> OrderView:
    request_hash = hashlib.sha256(canonical_order(order)).hexdigest()
    return await node.orders.place(order, actor=actor, key=key, request_hash=request_hash, caller=caller)


@router.get(
    "",
    operation_id="listOrders",
    summary="List the orders",
    response_model=Page[Order],
    responses=refusals(*READ),
)
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode, caller: CurrentCaller) -> Response:
    """All orders this node knows, of all branches, in order of id: about by time."""
    return await send_page(node, caller, listed_shown, _listed, query)


async def index_at_once(asked: Asked) -> Ready | Response:
    """`index`, of a plain page."""
    return await page_at_once(asked, listed_shown, _listed)


def _listed(connection: sqlite3.Connection, after: str, limit: int) -> Sequence[Brief | Listed]:
    """Up to `limit` orders after the id `after`: fewer, but at least one, where they have very many lines."""
    span = order_lists.span(connection, after, limit, most_lines=MOST_PARTS)
    if span is None:
        return []
    briefs = order_briefs.between(connection, span, of_line=_OF_LINE)
    return order_lists.listed(connection, span) if briefs is None else briefs


@router.get(
    "/{order_id}",
    operation_id="getOrder",
    summary="Show an order",
    responses=refusals(*READ, "not_found"),
)
async def show(order_id: str, node: CurrentNode) -> Order:
    """One order of any branch, as this node knows it; a new one of another branch may still be on its way."""
    return Order.model_validate(await node.orders.view(order_id))


@router.post(
    "/{order_id}/cancel",
    operation_id="cancelOrder",
    summary="Cancel an order",
    responses=refusals(*WRITE, "not_found", "other_branch", "effect_parked", "fenced"),
)
async def cancel(order_id: str, node: CurrentNode, actor: CurrentActor) -> Order:
    """Undo an order at its own branch; its units can be sold again. Cancelling again changes nothing."""
    cancelled = await node.orders.cancel(order_id, actor=actor)
    return Order.model_validate(cancelled)


AT_ONCE: Routes = {
    ("POST", "/orders"): place_at_once,
    ("GET", "/orders"): index_at_once,
    ("GET", f"/orders/{ANY}"): one(show),
}

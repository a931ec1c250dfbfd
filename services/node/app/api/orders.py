"""/orders: placing and cancelling orders at this branch."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from app.api.dependencies import AnyUser, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pagination import PageQuery, as_page
from app.api.schemas.base import Page
from app.api.schemas.orders import NewOrder, Order
from app.config import Settings
from app.database.digest import canonical
from app.domain import text
from app.domain.errors import Invalid
from app.state.commands.order_commands import PlaceOrder
from app.state.tables import orders

router = APIRouter(prefix="/orders", tags=["orders"], dependencies=[AnyUser])

IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Repeat it to retry: the same order is then returned."),
    Field(min_length=1, max_length=text.IDEMPOTENCY_KEY, pattern=r"^[\x21-\x7e]+$"),
]


Durable = Annotated[
    int | None,
    Query(ge=0, le=100, description="Answer 201 only when so many peers have stored the order."),
]


def required_copies(durable: int | None, settings: Settings, *, peers: int) -> int:
    """How many peers must have stored an order. Raises Invalid for more than are members (`peers`)."""
    if durable is not None and durable > peers:
        raise Invalid("durable", "more_than_peers")
    return max(durable or 0, settings.replication_min_acks)


@router.post(
    "",
    operation_id="placeOrder",
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
    response: Response,
    durable: Durable = None,
    idempotency_key: IdempotencyKey = None,
) -> Order:
    """Place an order at this branch, at the catalogue's prices. 201 means that it is durable here, and at as
    many peers as `durable` or REPLICATION_MIN_ACKS asks for; 202, that it is durable here and those
    peers have not all answered yet: its page, named in Location, shows `stored_by`."""
    copies = required_copies(durable, node.settings, peers=node.members.others)
    lines = tuple((line.sku, line.quantity) for line in wanted.lines)
    order = PlaceOrder(customer=wanted.customer, lines=lines, note=wanted.note)
    request_hash = hashlib.sha256(canonical(wanted.model_dump())).hexdigest()
    placed = await node.orders.place(order, actor=actor, key=idempotency_key, request_hash=request_hash)
    response.headers["Location"] = f"/orders/{placed['id']}"
    if copies:
        placed, stored = await node.orders.until_stored(placed["id"], copies=copies)
        response.status_code = 201 if stored else 202
    return Order.model_validate(placed)


@router.get("", operation_id="listOrders", responses=refusals(*READ))
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode) -> Page[Order]:
    """All orders this node knows, of all branches, in order of id: about by time."""
    found = await node.database.read(lambda c: orders.page(c, query.after or "", query.limit + 1))
    return as_page(Page[Order], found, query.limit)


@router.get(
    "/{order_id}",
    operation_id="getOrder",
    responses=refusals(*READ, "not_found"),
)
async def show(order_id: str, node: CurrentNode) -> Order:
    """One order."""
    shown = await node.orders.view(order_id)
    return Order.model_validate(shown)


@router.post(
    "/{order_id}/cancel",
    operation_id="cancelOrder",
    responses=refusals(*WRITE, "not_found", "other_branch", "effect_parked", "fenced"),
)
async def cancel(order_id: str, node: CurrentNode, actor: CurrentActor) -> Order:
    """Cancel an order at its own branch; its units can be sold again. Cancelling again changes nothing."""
    shown = await node.orders.cancel(order_id, actor=actor)
    return Order.model_validate(shown)

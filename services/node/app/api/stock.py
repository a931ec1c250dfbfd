"""/stock: what is there, received and removed."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.dependencies import AdminOnly, AnyUser, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pagination import PageQuery, as_page
from app.api.schemas.base import Page
from app.api.schemas.stock import Adjustment, Count, Stock
from app.state.commands import order_commands
from app.state.tables import stock_views

router = APIRouter(prefix="/stock", tags=["stock"], dependencies=[AnyUser])


@router.post(
    "/adjustments",
    operation_id="adjustStock",
    status_code=201,
    responses=refusals(*WRITE, "unknown_sku", "out_of_stock", "policy_mismatch", "fenced"),
)
async def adjust(wanted: Adjustment, node: CurrentNode, actor: CurrentActor) -> Stock:
    """Receive (above 0) or remove (below 0) units here. A removal needs rights, as an order does."""
    adjustment = order_commands.Adjustment(
        sku=wanted.sku, quantity=wanted.quantity, reason=wanted.reason, share=wanted.share
    )
    shown = await node.stock.adjust(adjustment, actor=actor)
    return Stock.model_validate(shown)


@router.get("", operation_id="listStock", responses=refusals(*READ))
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode) -> Page[Stock]:
    """The stock of all products as this node knows it, in order of product id."""
    found = await node.database.read(lambda c: stock_views.stock_page(c, query.after or "", query.limit + 1))
    return as_page(Page[Stock], found, query.limit)


@router.post(
    "/{sku:path}/count",
    operation_id="countStock",
    status_code=201,
    dependencies=[AdminOnly],
    responses=refusals(*WRITE, "forbidden", "not_found", "unknown_sku", "not_the_counter", "count_blocked"),
)
async def count(sku: str, counted: Count, node: CurrentNode, actor: CurrentActor) -> Stock:
    """Release what is left of the frozen pool, at the branch that counts, with every branch reachable. The
    units can be sold when all branches have acknowledged it. A wrong number can oversell."""
    product_id = await node.counts.count(sku, missing=counted.gone, actor=actor)
    shown = await node.database.read_back(lambda connection: stock_views.stock_view(connection, product_id))
    return Stock.model_validate(shown)


@router.get(
    "/{sku:path}",
    operation_id="getStock",
    responses=refusals(*READ, "not_found"),
)
async def show(sku: str, node: CurrentNode) -> Stock:
    """One product's stock as this node knows it."""
    shown = await node.database.read(lambda connection: stock_views.stock_view(connection, sku))
    return Stock.model_validate(shown)

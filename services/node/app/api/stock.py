"""/stock: what is there, received and removed."""

import sqlite3
from collections.abc import Sequence
from typing import Annotated

from fastapi import Query, Response

from app.api.at_once import ANY, Asked, Ready, Routes, one
from app.api.dependencies import AdminOnly, AnyUser, CurrentActor, CurrentCaller, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pages import MOST_PARTS, page_at_once, send_page
from app.api.pagination import PageQuery
from app.api.schemas.base import Page
from app.api.schemas.stock import Adjustment, Count, Stock
from app.api.strictness import StrictRouter
from app.state.commands import stock_commands
from app.state.tables import stock_views
from app.state.tables.stock_views import StockView

router = StrictRouter(prefix="/stock", tags=["stock"], dependencies=[AnyUser])


@router.post(
    "/adjustments",
    operation_id="adjustStock",
    summary="Receive or remove units",
    status_code=201,
    responses=refusals(*WRITE, "unknown_sku", "out_of_stock", "policy_mismatch", "fenced"),
)
async def adjust(wanted: Adjustment, node: CurrentNode, actor: CurrentActor, caller: CurrentCaller) -> Stock:
    """Receive (above 0) or remove (below 0) units here. A removal needs rights, as an order does."""
    adjustment = stock_commands.Adjustment(
        sku=wanted.sku, quantity=wanted.quantity, reason=wanted.reason, share=wanted.share
    )
    adjusted = await node.stock.adjust(adjustment, actor=actor, caller=caller)
    return Stock.model_validate(adjusted)


@router.get(
    "",
    operation_id="listStock",
    summary="List the stock",
    response_model=Page[Stock],
    responses=refusals(*READ),
)
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode, caller: CurrentCaller) -> Response:
    """The stock of all products as this node knows it, in order of product id."""
    return await send_page(node, caller, Stock, _listed, query)


async def index_at_once(asked: Asked) -> Ready | Response:
    """`index`, of a plain page."""
    return await page_at_once(asked, Stock, _listed)


def _listed(connection: sqlite3.Connection, after: str, limit: int) -> Sequence[StockView]:
    """The stock of up to `limit` products after the id `after`: fewer, but at least one, where there are very
    many rows of it."""
    return stock_views.stock_page(connection, after, limit, most_rows=MOST_PARTS)


@router.post(
    "/{sku:path}/count",
    operation_id="countStock",
    summary="Count a product's frozen stock",
    status_code=201,
    dependencies=[AdminOnly],
    responses=refusals(*WRITE, "forbidden", "not_found", "unknown_sku", "not_the_counter", "count_blocked"),
)
async def count(
    sku: str, counted: Count, node: CurrentNode, actor: CurrentActor, caller: CurrentCaller
) -> Stock:
    """Release what is left of the frozen pool, at the branch that counts, with every branch reachable. The
    units can be sold when all branches have acknowledged it. A wrong number can oversell."""
    caller.step_aside()  # most of it is waiting for peers
    product_id = await node.counts.count(sku, missing=counted.gone, actor=actor)
    found = await node.database.read_back(lambda connection: stock_views.stock_view(connection, product_id))
    return Stock.model_validate(found)


@router.get(
    "/{sku:path}",
    operation_id="getStock",
    summary="Show a product's stock",
    responses=refusals(*READ, "not_found"),
)
async def show(sku: str, node: CurrentNode) -> Stock:
    """One product's stock as this node knows it."""
    found = await node.database.read(lambda connection: stock_views.stock_view(connection, sku))
    return Stock.model_validate(found)


AT_ONCE: Routes = {("GET", "/stock"): index_at_once, ("GET", f"/stock/{ANY}"): one(show)}

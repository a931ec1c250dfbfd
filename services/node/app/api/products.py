"""/products: what is sold."""

from typing import Annotated

from fastapi import Query, Response

from app.api.at_once import ANY, Asked, Ready, Routes, one
from app.api.dependencies import AdminOnly, AnyUser, CurrentActor, CurrentCaller, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pages import page_at_once, send_page
from app.api.pagination import PageQuery
from app.api.schemas.base import Page
from app.api.schemas.products import NewProduct, Product, ProductChange
from app.api.strictness import StrictRouter
from app.domain import product
from app.domain.errors import NotFound
from app.state.tables import products

router = StrictRouter(prefix="/products", tags=["products"], dependencies=[AnyUser])


@router.post(
    "",
    operation_id="createProduct",
    summary="Create a product",
    status_code=201,
    dependencies=[AdminOnly],
    responses=refusals(*WRITE, "forbidden", "already_exists"),
)
async def create(new: NewProduct, node: CurrentNode, actor: CurrentActor) -> Product:
    """Its sku cannot be changed later. Every spelling of it is taken: `cafe` is `CAFE`."""
    wanted = product.NewProduct(**new.model_dump())
    created = await node.database.write(lambda tx: products.create(tx, wanted, actor=actor))
    return Product.model_validate(created)


@router.get(
    "",
    operation_id="listProducts",
    summary="List the products",
    response_model=Page[Product],
    responses=refusals(*READ),
)
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode, caller: CurrentCaller) -> Response:
    """All products, in order of id."""
    return await send_page(node, caller, Product, products.page, query)


async def index_at_once(asked: Asked) -> Ready | Response:
    """`index`, of a plain page."""
    return await page_at_once(asked, Product, products.page)


@router.get(
    "/{id_or_sku:path}",
    operation_id="getProduct",
    summary="Show a product",
    responses=refusals(*READ, "not_found"),
)
async def show(id_or_sku: str, node: CurrentNode) -> Product:
    """One product, by id or by sku in any spelling."""
    found = await node.database.read(lambda connection: products.find(connection, id_or_sku))
    if found is None:
        raise NotFound("product", id_or_sku)
    return Product.model_validate(found)


@router.patch(
    "/{id_or_sku:path}",
    operation_id="changeProduct",
    summary="Change a product",
    dependencies=[AdminOnly],
    responses=refusals(*WRITE, "forbidden", "not_found"),
)
async def change(id_or_sku: str, change: ProductChange, node: CurrentNode, actor: CurrentActor) -> Product:
    """Change what is named; the last change wins over concurrent ones at other branches."""
    changes = change.model_dump(exclude_unset=True)
    changed = await node.database.write(lambda tx: products.update(tx, id_or_sku, changes, actor=actor))
    return Product.model_validate(changed)


AT_ONCE: Routes = {("GET", "/products"): index_at_once, ("GET", f"/products/{ANY}"): one(show)}

"""/products: what is sold."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.dependencies import AdminOnly, AnyUser, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pagination import PageQuery, as_page
from app.api.schemas.base import Page
from app.api.schemas.products import NewProduct, Product, ProductChange
from app.domain.errors import NotFound
from app.state.tables import products

router = APIRouter(prefix="/products", tags=["products"], dependencies=[AnyUser])


@router.post(
    "",
    operation_id="createProduct",
    status_code=201,
    dependencies=[AdminOnly],
    responses=refusals(*WRITE, "forbidden", "already_exists"),
)
async def create(new: NewProduct, node: CurrentNode, actor: CurrentActor) -> Product:
    """Create a product."""
    product = products.NewProduct(sku=new.sku, name=new.name, price_cents=new.price_cents)
    shown = await node.database.write(lambda tx: products.create(tx, product, actor=actor))
    return Product.model_validate(shown)


@router.get("", operation_id="listProducts", responses=refusals(*READ))
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode) -> Page[Product]:
    """All products, in order of id."""
    found = await node.database.read(lambda c: products.page(c, query.after or "", query.limit + 1))
    return as_page(Page[Product], found, query.limit)


@router.get(
    "/{id_or_sku:path}",
    operation_id="getProduct",
    responses=refusals(*READ, "not_found"),
)
async def show(id_or_sku: str, node: CurrentNode) -> Product:
    """One product, by id or by sku in any spelling."""
    product = await node.database.read(lambda connection: products.find(connection, id_or_sku))
    if product is None:
        raise NotFound("product", id_or_sku)
    return Product.model_validate(products.view(product))


@router.patch(
    "/{id_or_sku:path}",
    operation_id="changeProduct",
    dependencies=[AdminOnly],
    responses=refusals(*WRITE, "forbidden", "not_found"),
)
async def change(id_or_sku: str, change: ProductChange, node: CurrentNode, actor: CurrentActor) -> Product:
    """Change a product; the last change wins over concurrent ones at other branches."""
    changes = change.model_dump(exclude_unset=True)
    shown = await node.database.write(lambda tx: products.update(tx, id_or_sku, changes, actor=actor))
    return Product.model_validate(shown)

"""/customers: who buys."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.dependencies import AnyUser, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pagination import PageQuery, as_page
from app.api.schemas.base import Page
from app.api.schemas.customers import Customer, CustomerChange, NewCustomer
from app.domain.errors import NotFound
from app.state.tables import customers

router = APIRouter(prefix="/customers", tags=["customers"], dependencies=[AnyUser])


@router.post(
    "",
    operation_id="createCustomer",
    status_code=201,
    responses=refusals(*WRITE, "already_exists"),
)
async def create(new: NewCustomer, node: CurrentNode, actor: CurrentActor) -> Customer:
    """Create a customer."""
    customer = customers.NewCustomer(**new.model_dump())
    shown = await node.database.write(lambda tx: customers.create(tx, customer, actor=actor))
    return Customer.model_validate(shown)


@router.get("", operation_id="listCustomers", responses=refusals(*READ))
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode) -> Page[Customer]:
    """All customers, in order of id."""
    found = await node.database.read(lambda c: customers.page(c, query.after or "", query.limit + 1))
    return as_page(Page[Customer], found, query.limit)


@router.get(
    "/{id_or_code:path}",
    operation_id="getCustomer",
    responses=refusals(*READ, "not_found"),
)
async def show(id_or_code: str, node: CurrentNode) -> Customer:
    """One customer, by id or by code in any spelling."""
    customer = await node.database.read(lambda connection: customers.find(connection, id_or_code))
    if customer is None:
        raise NotFound("customer", id_or_code)
    return Customer.model_validate(customers.view(customer))


@router.patch(
    "/{id_or_code:path}",
    operation_id="changeCustomer",
    responses=refusals(*WRITE, "not_found"),
)
async def change(id_or_code: str, change: CustomerChange, node: CurrentNode, actor: CurrentActor) -> Customer:
    """Change a customer; the last change wins over concurrent ones at other branches."""
    changes = change.model_dump(exclude_unset=True)
    shown = await node.database.write(lambda tx: customers.update(tx, id_or_code, changes, actor=actor))
    return Customer.model_validate(shown)

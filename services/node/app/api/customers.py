"""/customers: who buys."""

from typing import Annotated

from fastapi import Query, Response

from app.api.at_once import ANY, Asked, Ready, Routes, one
from app.api.dependencies import AnyUser, CurrentActor, CurrentCaller, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pages import page_at_once, send_page
from app.api.pagination import PageQuery
from app.api.schemas.base import Page
from app.api.schemas.customers import Customer, CustomerChange, NewCustomer
from app.api.strictness import StrictRouter
from app.domain import customer
from app.domain.errors import NotFound
from app.state.tables import customers

router = StrictRouter(prefix="/customers", tags=["customers"], dependencies=[AnyUser])


@router.post(
    "",
    operation_id="createCustomer",
    summary="Create a customer",
    status_code=201,
    responses=refusals(*WRITE, "already_exists"),
)
async def create(new: NewCustomer, node: CurrentNode, actor: CurrentActor) -> Customer:
    """Their code cannot be changed later. Every spelling of it is taken: `c1` is `C1`."""
    wanted = customer.NewCustomer(**new.model_dump())
    created = await node.database.write(lambda tx: customers.create(tx, wanted, actor=actor))
    return Customer.model_validate(created)


@router.get(
    "",
    operation_id="listCustomers",
    summary="List the customers",
    response_model=Page[Customer],
    responses=refusals(*READ),
)
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode, caller: CurrentCaller) -> Response:
    """All customers, in order of id."""
    return await send_page(node, caller, Customer, customers.page, query)


async def index_at_once(asked: Asked) -> Ready | Response:
    """`index`, of a plain page."""
    return await page_at_once(asked, Customer, customers.page)


@router.get(
    "/{id_or_code:path}",
    operation_id="getCustomer",
    summary="Show a customer",
    responses=refusals(*READ, "not_found"),
)
async def show(id_or_code: str, node: CurrentNode) -> Customer:
    """One customer, by id or by code in any spelling."""
    found = await node.database.read(lambda connection: customers.find(connection, id_or_code))
    if found is None:
        raise NotFound("customer", id_or_code)
    return Customer.model_validate(found)


@router.patch(
    "/{id_or_code:path}",
    operation_id="changeCustomer",
    summary="Change a customer",
    responses=refusals(*WRITE, "not_found"),
)
async def change(id_or_code: str, change: CustomerChange, node: CurrentNode, actor: CurrentActor) -> Customer:
    """Change what is named; the last change wins over concurrent ones at other branches."""
    changes = change.model_dump(exclude_unset=True)
    changed = await node.database.write(lambda tx: customers.update(tx, id_or_code, changes, actor=actor))
    return Customer.model_validate(changed)


AT_ONCE: Routes = {("GET", "/customers"): index_at_once, ("GET", f"/customers/{ANY}"): one(show)}

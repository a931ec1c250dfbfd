"""The routes, in the shapes that the lab's client reads. Each asks the branch, and shows what came of it."""

import hashlib
import sqlite3
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from plain import security
from plain.database import (
    REPLICATED,
    Customer,
    NewCustomer,
    NewProduct,
    Order,
    Product,
    Stock,
    User,
    Versioned,
)
from plain.security import Caller
from plain.state import Branch, NewOrder, Refused
from plain.sync import Event

Answer = dict[str, Any]
Limit = Annotated[int, Query(ge=1, le=500)]
FromHeader = Annotated[str | None, Header()]
router = APIRouter()
_HIDDEN = {"versao", "origem", "password_hash", "sequence", "created_by", "idempotency_key"}
_LISTED = dict(zip(("users", "customers", "products", "stock", "orders"), REPLICATED, strict=True))
_bearer = OAuth2PasswordBearer("auth/login", auto_error=False)


class Adjustment(BaseModel):
    """Units received (above 0) or removed (below 0)."""

    sku: str
    quantity: int = Field(ge=-1_000_000, le=1_000_000)
    reason: str = Field(min_length=1, max_length=200)


class NewUser(BaseModel):
    username: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=12, max_length=72)
    role: Literal["admin", "operador"]


async def _branch(request: Request) -> Branch:
    branch: Branch = request.app.state.branch
    return branch


Here = Annotated[Branch, Depends(_branch)]


async def _caller(branch: Here, token: Annotated[str | None, Depends(_bearer)]) -> Caller:
    caller = security.read_token(token or "", branch.settings, now=branch.clock.now())
    if caller is None:
        raise Refused("unauthenticated")
    return caller


Anybody = Annotated[Caller, Depends(_caller)]


async def _admin(caller: Anybody) -> Caller:
    if caller.role != "admin":
        raise Refused("forbidden", role="admin")
    return caller


Admin = Annotated[Caller, Depends(_admin)]


def _shown(row: Versioned) -> Answer:
    answer = row.model_dump(exclude=_HIDDEN)
    match row:
        case User():
            answer["active"] = True
        case Order():  # what a peer took is forgotten here
            answer |= {"epoch": "plain", "version": row.versao, "stored_by": [], "possible_duplicates": []}
        case Stock():  # one row for the company: no branch has units of its own, and no disk a life
            never = {"returned_frozen": 0, "recovered": 0, "written_off": 0, "granted": {}}
            counts = {"branch": "company", "epoch": "plain", "version": row.versao, **answer, **never}
            there = {"available": row.available, "here": row.available, "frozen": 0, "oversold": 0}
            answer = {"id": row.id, "sku": row.sku, **there, "deficits": [], "rows": [counts], "hearsay": []}
    return answer


@router.post("/auth/login")
async def login(branch: Here, form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Answer:
    def check(session: Session) -> Caller:
        user, rounds = session.get(User, form.username), branch.settings.bcrypt_rounds
        right = security.check_password(form.password, user.password_hash if user else None, rounds=rounds)
        if user is None or not right:
            raise Refused("unauthenticated")
        return Caller(user.username, user.role)

    caller = await branch.database.read(check)
    token = security.issue_token(caller, branch.settings, now=branch.clock.now())
    return {"access_token": token, "token_type": "bearer", "expires_in": branch.settings.jwt_minutes * 60}


@router.post("/users", status_code=201)
async def create_user(branch: Here, caller: Admin, new: NewUser) -> Answer:
    hashed = await branch.hash(new.password)
    named = new.model_dump(include={"username", "role"})
    user = User(id=new.username, origem=branch.name, password_hash=hashed, **named)
    await branch.create(user, who=caller.username)
    return _shown(user)


@router.post("/customers", status_code=201)
async def create_customer(branch: Here, caller: Anybody, new: NewCustomer) -> Answer:
    customer = Customer(id=new.code, origem=branch.name, **new.model_dump())
    await branch.create(customer, who=caller.username)
    return _shown(customer)


@router.post("/products", status_code=201)
async def create_product(branch: Here, caller: Admin, new: NewProduct) -> Answer:
    product = Product(id=new.sku, origem=branch.name, **new.model_dump())
    stock = Stock(id=new.sku, origem=branch.name, sku=new.sku)
    await branch.create(product, stock, who=caller.username)
    return _shown(product)


@router.post("/stock/adjustments", status_code=201)
async def adjust(branch: Here, caller: Anybody, wanted: Adjustment) -> Answer:
    return _shown(await branch.adjust(wanted.sku, wanted.quantity, reason=wanted.reason, who=caller.username))


@router.post("/orders", status_code=201)
async def place_order(
    branch: Here, caller: Anybody, wanted: NewOrder, idempotency_key: FromHeader = None
) -> Answer:
    return _shown(await branch.place_order(wanted, who=caller.username, key=idempotency_key))


@router.post("/orders/{order_id}/cancel")
async def cancel_order(branch: Here, caller: Anybody, order_id: str) -> Answer:
    return _shown(await branch.cancel_order(order_id, who=caller.username))


@router.post("/replica/event")
async def receive(branch: Here, event: Event, x_replica_token: FromHeader = None) -> Answer:
    if not security.is_replica(x_replica_token, branch.settings):
        raise Refused("replica_token_refused")
    return {"applied": await branch.receive(event)}


@router.get("/healthz")
@router.get("/readyz")
async def ready() -> Answer:
    return {"status": "ready"}  # who answers has opened its database


@router.get("/status")
async def status(branch: Here, _: Anybody) -> Answer:
    """The digest is of all versions: nodes that agree show the same."""

    def count(session: Session) -> Answer:
        counts, hashed = {}, hashlib.sha256()
        for table in REPLICATED:
            versions = select(col(table.id), col(table.versao), col(table.origem)).order_by(col(table.id))
            rows = session.exec(versions).all()
            counts[f"{table.__name__.lower()}s"] = len(rows)
            hashed.update(repr(rows).encode())
        units = sum(stock.available for stock in session.exec(select(Stock)))
        return {"counts": counts, "digest": hashed.hexdigest(), "stock": {"available": units, "frozen": 0}}

    now, peers = branch.clock.now(), branch.synchronizer.peers
    return {
        "node": branch.name,
        "ready": True,
        "now": now.isoformat(),
        **await branch.database.read(count),
        "pending": {name: len(peer.waiting) for name, peer in peers.items()},
        "peers": {name: peer.shown(now) for name, peer in peers.items()},
        # What this design has none of.
        **{"epoch": None, "policy": "plain", "fenced": None, "heads": {}, "at_risk": None, "parked": 0},
        **{"alarms": {}, "sqlite": sqlite3.sqlite_version},
    }


def _table(listed: str, caller: Caller) -> type[Versioned]:
    if listed not in _LISTED:
        raise Refused("not_found")
    if listed == "users" and caller.role != "admin":
        raise Refused("forbidden", role="admin")
    return _LISTED[listed]


@router.get("/{listed}")
async def read_page(
    branch: Here, caller: Anybody, listed: str, after: str = "", limit: Limit = 100
) -> Answer:
    table = _table(listed, caller)
    wanted = select(table).where(col(table.id) > after).order_by(col(table.id)).limit(limit + 1)
    rows = await branch.database.read(lambda session: session.exec(wanted).all())
    following = rows[limit - 1].id if len(rows) > limit else None
    return {"items": [_shown(row) for row in rows[:limit]], "next": following}


@router.get("/{listed}/{key}")
async def read_row(branch: Here, caller: Anybody, listed: str, key: str) -> Answer:
    table = _table(listed, caller)
    if (row := await branch.database.read(lambda session: session.get(table, key))) is None:
        raise Refused("not_found")
    return _shown(row)

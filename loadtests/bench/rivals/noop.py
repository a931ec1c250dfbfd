"""The no-op: a FastAPI endpoint as everybody writes it, which checks the token and the body and does nothing.

Run by uvicorn with uvloop and httptools, where they install, in the bench's own environment.
"""

import os
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

app = FastAPI()
_SECRET = os.environ["JWT_SECRET"]
_bearer = HTTPBearer()


class Line(BaseModel):
    sku: str = Field(min_length=1, max_length=64)
    quantity: int = Field(gt=0, le=1_000_000)


class NewOrder(BaseModel):
    customer: str = Field(min_length=1, max_length=64)
    lines: list[Line] = Field(min_length=1, max_length=1000)


class Placed(BaseModel):
    id: str
    customer: str
    total_cents: int
    status: str


async def caller(given: Annotated[HTTPAuthorizationCredentials, Depends(_bearer)]) -> str:
    """Who asks, by the token."""
    try:
        claims = jwt.decode(given.credentials, _SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        raise HTTPException(401) from None
    return str(claims["sub"])


Caller = Annotated[str, Depends(caller)]


@app.post("/orders", status_code=201, response_model=Placed)
async def place(wanted: NewOrder, _: Caller) -> Placed:
    total = sum(line.quantity for line in wanted.lines)
    return Placed(id="none", customer=wanted.customer, total_cents=total, status="placed")

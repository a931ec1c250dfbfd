"""The same order as somebody would build it on PostgreSQL: FastAPI, asyncpg, one transaction for an order."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, HTTPException

from loadtests.bench.rivals.noop import Caller, NewOrder, Placed

_MOST_CONNECTIONS = 20


@asynccontextmanager
async def lifespan(api: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        host=os.environ["PGHOST"],
        port=int(os.environ["PGPORT"]),
        user=os.environ["PGUSER"],
        database="postgres",
        min_size=_MOST_CONNECTIONS // 2,
        max_size=_MOST_CONNECTIONS,
    ) as pool:
        api.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/orders", status_code=201, response_model=Placed)
async def place(wanted: NewOrder, caller: Caller) -> Placed:
    """Products in order of their keys, so that no two orders wait for each other in a ring."""
    total, sold = 0, []
    async with app.state.pool.acquire() as connection, connection.transaction():
        for line in sorted(wanted.lines, key=lambda each: each.sku):
            price = await connection.fetchval(
                "UPDATE products SET stock = stock - $2 WHERE sku = $1 AND stock >= $2 RETURNING price_cents",
                line.sku,
                line.quantity,
            )
            if price is None:
                raise HTTPException(409, "out of stock")
            total += price * line.quantity
            sold.append((line.sku, line.quantity, price))
        order = await connection.fetchval(
            "INSERT INTO orders (customer, total_cents) VALUES ($1, $2) RETURNING id", wanted.customer, total
        )
        await connection.executemany(
            "INSERT INTO order_lines (order_id, sku, quantity, price_cents) VALUES ($1, $2, $3, $4)",
            [(order, *each) for each in sold],
        )
        await connection.execute(
            "INSERT INTO audit (who, action, reference) VALUES ($1, 'order.placed', $2)", caller, str(order)
        )
    return Placed(id=str(order), customer=wanted.customer, total_cents=total, status="placed")

"""The program: `python -m plain.main --host HOST --port PORT`, with its settings in the environment."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from plain.api import router
from plain.config import Settings
from plain.database import Database
from plain.problems import problem
from plain.runtime import Clock
from plain.state import Branch, Refused
from plain.sync import ReplicaSynchronizer


def create_app(
    settings: Settings, *, clock: Clock | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """A node. It opens its database and begins to send when its lifespan begins."""
    clock = clock or Clock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(settings.database_path)
        synchronizer = ReplicaSynchronizer(settings, clock=clock, transport=transport)
        app.state.branch = Branch(settings, clock, database, synchronizer)
        sending = asyncio.create_task(synchronizer.run())
        try:
            await app.state.branch.begin()
            yield
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            database.close()

    app = FastAPI(title="The report's own node", lifespan=lifespan)
    app.include_router(router)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return problem(request, error.code, **error.data)

    @app.exception_handler(RequestValidationError)
    @app.exception_handler(ValidationError)  # of a snapshot in an event
    async def invalid(request: Request, error: RequestValidationError | ValidationError) -> JSONResponse:
        errors = [{"field": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
        return problem(request, "validation", errors=errors)

    return app


def main() -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m plain.main", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    try:
        settings = Settings()  # type: ignore[call-arg]  # from the environment
    except ValidationError as error:
        sys.exit(str(error))  # it names each setting, and shows no value
    uvicorn.run(create_app(settings), host=given.host, port=given.port, access_log=False)


if __name__ == "__main__":
    main()

"""The node's HTTP API: one thin router per resource, and a problem for everything refused."""

from fastapi import FastAPI
from starlette.types import Lifespan

from app.api import (
    altered,
    audit,
    auth,
    customers,
    explanations,
    faults,
    members,
    orders,
    parked,
    products,
    reference,
    replica,
    status,
    stock,
    users,
)
from app.api.at_once import Routes
from app.api.document import DESCRIPTION, SUMMARY, TITLE, describe
from app.api.edge import install_edge
from app.api.problems.handlers import install_problems

AT_ONCE: Routes = {
    **orders.AT_ONCE,
    **products.AT_ONCE,
    **customers.AT_ONCE,
    **stock.AT_ONCE,
    **status.AT_ONCE,
    **replica.AT_ONCE,
}


def application(*, with_faults: bool, lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """An application with all routes, limits and problems; `/faults` only where a lab may break things. The
    node must be its `state.node` when requests come."""
    app = FastAPI(
        title=TITLE,
        summary=SUMMARY,
        description=DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's own pages load their scripts from the internet
        redoc_url=None,
    )
    for resource in (
        auth,
        users,
        customers,
        products,
        stock,
        orders,
        parked,
        altered,
        audit,
        members,
        status,
        replica,
        explanations,
        reference,
    ):
        app.include_router(resource.router)
    if with_faults:
        app.include_router(faults.router)
    install_problems(app)
    install_edge(app, AT_ONCE)
    describe(app, with_faults=with_faults)
    return app

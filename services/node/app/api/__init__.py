"""The node's HTTP API: one thin router per resource, and a problem for everything refused."""

from fastapi import FastAPI

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
    replica,
    status,
    stock,
    users,
)
from app.api.limits import install_limits
from app.api.openapi import describe
from app.api.problems.handlers import install_problems
from app.api.response_signing import install_marks


def install(app: FastAPI, *, with_faults: bool) -> None:
    """Give `app` all routes, limits and problems; `/faults` only where a lab may break things. The node must
    be `app.state.node` when requests come."""
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
    ):
        app.include_router(resource.router)
    if with_faults:
        app.include_router(faults.router)
    install_problems(app)
    install_limits(app)
    install_marks(app)
    describe(app, with_faults=with_faults)

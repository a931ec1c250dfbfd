"""The node's HTTP API: one thin router per resource, and a problem for everything refused."""

from fastapi import FastAPI

from app.api import (
    audit,
    auth,
    customers,
    explanations,
    orders,
    products,
    replica,
    status,
    stock,
    users,
)
from app.api.limits import install_limits
from app.api.openapi import describe
from app.api.problems import install_problems


def install(app: FastAPI) -> None:
    """Give `app` all routes, limits and problems. The node must be `app.state.node` when requests come."""
    for resource in (auth, users, customers, products, stock, orders, audit, status, replica, explanations):
        app.include_router(resource.router)
    install_problems(app)
    install_limits(app)
    describe(app)

"""Admins' changes to users: the same few users at all branches, so that changes meet."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from app.database import Actor, Transaction
from app.domain import identity
from app.node import BranchNode
from app.state.tables import users
from app.state.tables.users import NewUser, UserChange

ROLES = ("admin", "operador")
LEAVERS = ("ana", "bruno")
"""Users whose deactivation is final: no admin ever reactivates them."""

OTHERS = ("carla", "davi")
HASH = "$2b$04$" + "x" * 53
Use = Callable[[BranchNode], Awaitable[Any]]


def change(random: Random, *, actor: Actor) -> tuple[str, str, Use]:
    """A change to a user: what it is, which user, and the call to a node."""
    username = random.choice(LEAVERS + OTHERS)
    role = random.choice(ROLES)
    what = random.choice(("create", "promote", "deactivate", "reactivate"))
    if what == "reactivate" and username in LEAVERS:
        what = "deactivate"
    changes = {
        "promote": UserChange(role="admin" if role == "admin" else "operador"),
        "deactivate": UserChange(active=False),
        "reactivate": UserChange(active=True),
    }

    def ask(node: BranchNode) -> Awaitable[Any]:
        def command(tx: Transaction) -> Any:
            if what == "create":
                made = NewUser(username, "admin" if role == "admin" else "operador", HASH)
                return users.create(tx, made, actor=actor)
            return users.change(tx, identity.user_id(cluster, username), changes[what], actor=actor)

        cluster = node.settings.cluster_id
        return node.database.write(command)

    return what, username, ask

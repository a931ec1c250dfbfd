"""Whether a node takes a request now: of clients when it is founded or rebuilt, of peers when its database
is open."""

from starlette.types import Scope

from app.api.door import LOGIN
from app.node import BranchNode

# Answered also by a node that is not ready: what people and peers need to see it become so.
_ALWAYS_OPEN = (
    "/faults",  # what keeps a node from getting ready may be one of them
    "/healthz",
    "/readyz",
    "/status",
    "/replica/",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/problems/",
)
# Answered also before the node's database is open, as while it is migrated.
_OPEN_BEFORE_ALL = ("/healthz", "/readyz", "/docs", "/redoc", "/openapi.json", "/problems/")


def closed_because(scope: Scope, node: BranchNode) -> str | None:
    """Why a request is not taken now, in a stable snake_case word; None if it is. At a node that is fenced or
    whose file is damaged people may log in, to read why."""
    if node.ready and node.database.opened:
        return None
    return None if _passes(scope, node) else node.readiness.reason or "starting"


def _passes(scope: Scope, node: BranchNode) -> bool:
    path: str = scope["path"]
    if not node.database.opened:
        return path == "/" or path.startswith(_OPEN_BEFORE_ALL)
    readable = node.readiness.reading and scope["method"] in ("GET", "HEAD")
    is_told = node.readiness.fenced is not None or node.database.damage is not None
    explains = is_told and path == LOGIN
    return path == "/" or path.startswith(_ALWAYS_OPEN) or node.ready or readable or explains

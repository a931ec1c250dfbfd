"""How the node is: for people, for the lab, and for health checks."""

from collections.abc import Mapping
from typing import Literal

from fastapi import Request, Response
from pydantic import BaseModel

from app.api.at_once import Asked, Ready, Routes
from app.api.dependencies import CurrentNode, CurrentUser
from app.api.json_body import LongWay
from app.api.openapi import READ, Responses, refusals
from app.api.problems.language import preferred
from app.api.problems.waiting_words import explanation
from app.api.schemas.base import NULL, shows
from app.api.schemas.status import Status
from app.api.strictness import StrictRouter
from app.node import BranchNode

router = StrictRouter(tags=["status"])


class Alive(BaseModel):
    """The process answers. Whether it serves clients is another question (`/readyz`)."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether the node serves, and if not, why: a stable word, and a sentence for some. `progress` counts the
    rows that a migration has rewritten so far, by relation, while one goes on."""

    model_config = shows(
        {
            "ready": False,
            "reason": "rebuilding",
            "detail": "The branch is fetching all rows from the other branches.",
            "progress": NULL,
        }
    )

    ready: bool
    reason: str | None
    detail: str | None
    progress: Mapping[str, int] | None


NOT_READY: Responses = {
    503: {"description": "Not yet, or not any more; the body says why", "model": Readiness}
}


@router.get(
    "/status",
    operation_id="getStatus",
    summary="Show this node's status",
    response_model=Status,
    responses=refusals(*READ),
)
async def status(node: CurrentNode, _user: CurrentUser) -> Response:
    """What this node has, what it owes each peer, and what it knows of them. Equal digests: equal rows."""
    return Response(await _shown(node), media_type="application/json")


async def status_at_once(asked: Asked) -> Ready:
    """`status`."""
    if asked.query:
        raise LongWay
    await asked.user()
    return Ready(200, await _shown(asked.node))


async def _shown(node: BranchNode) -> bytes:
    shown = Status.of(await node.status())
    # `faults` is unset but in a lab. Written here, it costs half of what FastAPI's own way takes.
    return shown.model_dump_json(by_alias=True, exclude_unset=True).encode()


@router.get(
    "/healthz",
    operation_id="getHealth",
    summary="Check that the process answers",
    responses=refusals("validation"),
)
async def healthz() -> Alive:
    """Answered at once, without a look at the database. No token is needed."""
    return Alive()


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Check that the node serves clients",
    responses={**refusals("validation"), **NOT_READY},
)
async def readyz(request: Request, node: CurrentNode, response: Response) -> Readiness:
    """200 where the node serves, else 503 with the reason. No token is needed."""
    response.status_code = 200 if node.ready else 503
    language = preferred(request.headers.get("accept-language"))
    reason = node.readiness.reason
    return Readiness(
        ready=node.ready,
        reason=reason,
        detail=explanation(reason, language, node=node.settings.node_name),
        progress=node.database.progress,
    )


AT_ONCE: Routes = {("GET", "/status"): status_at_once}

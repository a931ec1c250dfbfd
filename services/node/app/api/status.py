"""How the node is: for people, for the lab, and for health checks."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app.api.dependencies import CurrentNode, CurrentUser
from app.api.openapi import READ, Responses, refusals
from app.api.problems.language import preferred
from app.api.problems.waiting_words import explanation
from app.api.schemas.status import Status

router = APIRouter(tags=["status"])


class Readiness(BaseModel):
    """Whether the node serves, and if not, why: a stable word, and a sentence for some. `progress` counts the
    rows that a migration has rewritten so far, by relation, while one goes on."""

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
    summary="State, backlog per peer, heads and digest",
    response_model_exclude_unset=True,  # `faults` is there only in a lab
    responses=refusals(*READ),
)
async def status(node: CurrentNode, _user: CurrentUser) -> Status:
    shown = await node.status()
    return Status.model_validate(shown)


@router.get("/healthz", operation_id="getHealth", summary="Whether the process answers")
async def healthz() -> dict[str, str]:
    return {"status": "alive"}


@router.get(
    "/readyz", operation_id="getReadiness", summary="Whether the node serves clients", responses=NOT_READY
)
async def readyz(request: Request, node: CurrentNode, response: Response) -> Readiness:
    response.status_code = 200 if node.ready else 503
    language = preferred(request.headers.get("accept-language"))
    reason = node.readiness.reason
    return Readiness(
        ready=node.ready,
        reason=reason,
        detail=explanation(reason, language, node=node.settings.node_name),
        progress=node.database.progress,
    )

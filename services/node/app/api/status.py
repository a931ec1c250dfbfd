"""How the node is: for people, for the lab, and for health checks."""

from typing import Any

from fastapi import APIRouter, Response

from app.api.dependencies import CurrentNode, CurrentUser
from app.api.openapi import READ, Responses, refusals

router = APIRouter(tags=["status"])


NOT_READY: Responses = {503: {"description": "Not yet, or not any more; the body says why"}}


@router.get(
    "/status",
    operation_id="getStatus",
    summary="State, backlog per peer, heads and digest",
    responses=refusals(*READ),
)
async def status(node: CurrentNode, _user: CurrentUser) -> dict[str, Any]:
    return dict(await node.status())


@router.get("/healthz", operation_id="getHealth", summary="Whether the process answers")
async def healthz() -> dict[str, str]:
    return {"status": "alive"}


@router.get(
    "/readyz", operation_id="getReadiness", summary="Whether the node serves clients", responses=NOT_READY
)
async def readyz(node: CurrentNode, response: Response) -> dict[str, str | bool | None]:
    response.status_code = 200 if node.ready else 503
    return {"ready": node.ready, "reason": node.standing.reason}

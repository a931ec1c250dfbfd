"""/parked: events that could not be applied, kept whole, and applying them after all."""

from operator import attrgetter
from typing import Annotated

from fastapi import Query, Response

from app.api.dependencies import AdminOnly, CurrentActor, CurrentCaller, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pages import send_page
from app.api.pagination import PageQuery
from app.api.schemas.base import Page
from app.api.schemas.parked import ParkedEvent, Replayed
from app.api.strictness import StrictRouter
from app.sync.log import dead_letters

router = StrictRouter(prefix="/parked", tags=["parked"], dependencies=[AdminOnly])


@router.get(
    "",
    operation_id="listParked",
    summary="List the parked events",
    response_model=Page[ParkedEvent],
    responses=refusals(*READ, "forbidden"),
)
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode, caller: CurrentCaller) -> Response:
    """Events that are parked here, by origin, epoch and seq."""
    return await send_page(node, caller, ParkedEvent, dead_letters.page, query, key=attrgetter("key"))


@router.post(
    "/replay",
    operation_id="replayParked",
    summary="Try the parked events again",
    responses=refusals(*WRITE, "forbidden"),
)
async def replay(node: CurrentNode, actor: CurrentActor) -> Replayed:
    """Try every parked event again, after what kept it from being applied was mended. What is left is fetched
    whole from the node it came from, as soon as that answers."""
    shown = await node.replay_parked(actor=actor)
    return Replayed.model_validate(shown)

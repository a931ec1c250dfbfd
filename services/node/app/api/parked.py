"""/parked: events that could not be applied, kept whole, and applying them after all."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.dependencies import AdminOnly, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.pagination import PageQuery, as_page
from app.api.schemas.base import Page
from app.api.schemas.parked import ParkedEvent, Replayed
from app.sync.log import dead_letters

router = APIRouter(prefix="/parked", tags=["parked"], dependencies=[AdminOnly])


@router.get("", operation_id="listParked", responses=refusals(*READ, "forbidden"))
async def index(query: Annotated[PageQuery, Query()], node: CurrentNode) -> Page[ParkedEvent]:
    """Events that are parked here, by origin, epoch and seq."""
    found = await node.database.read(lambda c: dead_letters.page(c, query.after or "", query.limit + 1))
    return as_page(Page[ParkedEvent], found, query.limit, key="key")


@router.post(
    "/replay",
    operation_id="replayParked",
    responses=refusals(*WRITE, "forbidden"),
)
async def replay(node: CurrentNode, actor: CurrentActor) -> Replayed:
    """Try every parked event again, after what kept it from being applied was mended. What is left is fetched
    whole from the node it came from, as soon as that answers."""
    shown = await node.replay_parked(actor=actor)
    return Replayed.model_validate(shown)

"""/altered: rows that are not what this node wrote and that no peer could confirm, and accepting them."""

from typing import Any

from fastapi import APIRouter

from app.api.dependencies import AdminOnly, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.schemas.altered import Accepted, AlteredRows
from app.database import seals
from app.state import altered_rows

router = APIRouter(prefix="/altered", tags=["altered"], dependencies=[AdminOnly])


@router.get(
    "", operation_id="listAltered", response_model=AlteredRows, responses=refusals(*READ, "forbidden")
)
async def index(node: CurrentNode) -> Any:
    """Rows that something else than this node's commands changed and that no peer could confirm."""
    return {"items": await node.database.read(seals.listed)}


@router.post(
    "/accept", operation_id="acceptAltered", response_model=Accepted, responses=refusals(*WRITE, "forbidden")
)
async def accept(node: CurrentNode, actor: CurrentActor) -> Any:
    """Take every such row for what it says now. Of stock, units may then be sold by it: a wrong number can
    oversell, so count the shelf first."""
    return await node.database.write(lambda tx: altered_rows.accept(tx, actor=actor))

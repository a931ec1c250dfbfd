"""/altered: rows that are not what this node wrote and that no peer could confirm, and accepting them."""

from app.api.dependencies import AdminOnly, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.schemas.altered import Accepted, AlteredRow, AlteredRows
from app.api.strictness import StrictRouter
from app.database import seals
from app.state.repair import altered_rows

router = StrictRouter(prefix="/altered", tags=["altered"], dependencies=[AdminOnly])


@router.get(
    "", operation_id="listAltered", summary="List the altered rows", responses=refusals(*READ, "forbidden")
)
async def index(node: CurrentNode) -> AlteredRows:
    """Rows that something else than this node's commands changed and that no peer could confirm."""
    listed = await node.database.read(seals.listed)
    return AlteredRows(items=[AlteredRow.model_validate(row) for row in listed])


@router.post(
    "/accept",
    operation_id="acceptAltered",
    summary="Accept the altered rows",
    responses=refusals(*WRITE, "forbidden"),
)
async def accept(node: CurrentNode, actor: CurrentActor) -> Accepted:
    """Take every such row for what it says now. Of stock, units may then be sold by it: a wrong number can
    oversell, so count the shelf first."""
    outcome = await node.database.write(lambda tx: altered_rows.accept(tx, actor=actor))
    return Accepted.model_validate(outcome)

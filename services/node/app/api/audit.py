"""/audit: who did what at this node, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.dependencies import AdminOnly, CurrentNode
from app.api.openapi import READ, refusals
from app.api.pagination import as_page
from app.api.schemas.audit import AuditEntry, AuditQuery
from app.api.schemas.base import Page
from app.state.tables import audit

router = APIRouter(prefix="/audit", tags=["audit"], dependencies=[AdminOnly])


@router.get(
    "",
    operation_id="listAudit",
    responses=refusals(*READ, "forbidden"),
)
async def index(query: Annotated[AuditQuery, Query()], node: CurrentNode) -> Page[AuditEntry]:
    """What was done at this node, newest first. The audit is each node's own; it is not replicated."""
    wanted = audit.AuditFilter(
        entity=query.entity,
        entity_id=query.entity_id,
        action=query.action,
        user=query.user,
        since=query.since.timestamp() if query.since else None,
        until=query.until.timestamp() if query.until else None,
    )
    before = int(query.after) if query.after else None
    found = await node.database.read(
        lambda connection: audit.page(connection, wanted, before=before, limit=query.limit + 1)
    )
    return as_page(Page[AuditEntry], found, query.limit)

"""/audit: who did what at this node, for administrators."""

import sqlite3
from typing import Annotated

from fastapi import Query, Response

from app.api.dependencies import AdminOnly, CurrentCaller, CurrentNode
from app.api.openapi import READ, refusals
from app.api.pages import PAGE_BYTES, send_page
from app.api.schemas.audit import AuditEntry, AuditQuery
from app.api.schemas.base import Page
from app.api.strictness import StrictRouter
from app.state.tables import audit

router = StrictRouter(prefix="/audit", tags=["audit"], dependencies=[AdminOnly])


@router.get(
    "",
    operation_id="listAudit",
    summary="List what was done at this branch",
    response_model=Page[AuditEntry],
    responses=refusals(*READ, "forbidden"),
)
async def index(query: Annotated[AuditQuery, Query()], node: CurrentNode, caller: CurrentCaller) -> Response:
    """What was done at this node, newest first. The audit is each node's own; it is not replicated."""
    wanted = audit.AuditFilter(
        entity=query.entity,
        entity_id=query.entity_id,
        action=query.action,
        user=query.user,
        since=query.since.timestamp() if query.since else None,
        until=query.until.timestamp() if query.until else None,
    )

    def read(connection: sqlite3.Connection, after: str, limit: int) -> list[audit.AuditEntry]:
        before = int(after) if after else None
        return audit.page(connection, wanted, before=before, limit=limit, most_characters=PAGE_BYTES)

    return await send_page(node, caller, AuditEntry, read, query)

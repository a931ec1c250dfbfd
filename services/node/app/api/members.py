"""/members: the branches of the network, and saying that one is gone for good."""

from fastapi import APIRouter, Response

from app.api.dependencies import AdminOnly, AnyUser, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.schemas.members import Member, Roster

router = APIRouter(prefix="/members", tags=["members"], dependencies=[AnyUser])


@router.get("", operation_id="listMembers", responses=refusals(*READ))
async def index(node: CurrentNode) -> Roster:
    """Every branch of the network as this node knows it, by name."""
    return Roster(items=[Member.of(member) for member in await node.members.roster()])


@router.post(
    "/{name}/decommission",
    operation_id="decommissionMember",
    dependencies=[AdminOnly],
    responses={
        202: {"model": Member, "description": "Durable here; no other member is known to know it yet"},
        **refusals(*WRITE, "forbidden", "not_found", "own_branch"),
    },
)
async def decommission(name: str, node: CurrentNode, actor: CurrentActor, response: Response) -> Member:
    """Say that a branch is gone for good; nobody can take it back. Take its disk away first: while it lives
    and cannot be told, it sells on. 200 means that another member has stored it too, 202 that none is known
    to have yet: stock counts wait for that."""
    member = await node.members.decommission(name, actor=actor)
    response.status_code = 200 if member.state == "decommissioned" else 202
    return Member.of(member)

"""/members: the branches of the network, and saying that one is gone for good."""

from typing import Annotated

from fastapi import Query, Response

from app.api.dependencies import AdminOnly, AnyUser, CurrentActor, CurrentCaller, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.schemas.members import Member, Roster
from app.api.strictness import StrictRouter

router = StrictRouter(prefix="/members", tags=["members"], dependencies=[AnyUser])


@router.get("", operation_id="listMembers", summary="List the branches", responses=refusals(*READ))
async def index(node: CurrentNode) -> Roster:
    """Every branch of the network as this node knows it, by name."""
    return Roster(items=[Member.of(member) for member in await node.members.roster()])


@router.post(
    "/{name}/decommission",
    operation_id="decommissionMember",
    summary="Decommission a branch",
    dependencies=[AdminOnly],
    responses={
        202: {"model": Member, "description": "Durable here; no majority of the members stores it yet"},
        **refusals(*WRITE, "forbidden", "not_found", "own_branch"),
    },
)
async def decommission(
    name: str,
    node: CurrentNode,
    actor: CurrentActor,
    caller: CurrentCaller,
    response: Response,
    *,
    without_majority: Annotated[bool, Query(description="Let it count at this node all the same.")] = False,
) -> Member:
    """Say that a branch is gone for good; nobody can take it back. Take its disk away first: while it lives
    and cannot be told, it sells on. 200 means that a majority of the members has stored it, 202 that it has
    not yet: stock counts wait for that. Where the majority is lost, `without_majority` counts at this node
    alone. If the other side of a cut does the same, both sell the same units."""
    caller.step_aside()  # most of it is waiting for peers
    member = await node.members.decommission(name, insist=without_majority, actor=actor)
    response.status_code = 200 if member.state == "decommissioned" else 202
    return Member.of(member)

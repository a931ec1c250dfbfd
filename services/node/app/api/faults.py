"""/faults: breaking this node's links and disk on purpose, for administrators; only with LAB_FAULTS."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends

from app.api.dependencies import AdminOnly, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.schemas.faults import AnyLinkFault, DiskProbed, Faults, FullDisk, Probed
from app.faults.fault_service import FaultService

router = APIRouter(prefix="/faults", tags=["faults"], dependencies=[AdminOnly])


async def fault_desk(node: CurrentNode) -> FaultService:
    """The node's fault desk."""
    assert node.faults is not None, "these routes exist only where it does"
    return node.faults


Desk = Annotated[FaultService, Depends(fault_desk)]


@router.get("", operation_id="listFaults", responses=refusals(*READ, "forbidden"))
async def index(desk: Desk) -> Faults:
    """The active faults of this node's outgoing calls, and of its disk."""
    return Faults.model_validate(desk.as_json())


@router.put(
    "/links/{peer}",
    operation_id="breakLink",
    responses=refusals(*WRITE, "forbidden", "not_found"),
)
async def break_link(
    peer: str, wanted: Annotated[AnyLinkFault, Body()], desk: Desk, actor: CurrentActor
) -> Faults:
    """Break this node's calls to a peer, in place of a fault of the same kind. The peer's own calls to this
    node go on: break them at the peer."""
    await desk.put(peer, wanted.fault(), lease_seconds=wanted.lease_seconds, seed=wanted.seed, actor=actor)
    return Faults.model_validate(desk.as_json())


@router.post(
    "/links/{peer}/probe",
    operation_id="probeLink",
    responses=refusals(*READ, "forbidden", "not_found"),
)
async def probe_link(peer: str, desk: Desk) -> Probed:
    """Send a peer one call without effect over the link as it is, and say how it fared."""
    probe = await desk.probe(peer)
    return Probed(answered=probe.answered, seconds=probe.seconds, error=probe.error)


@router.delete(
    "/links/{peer}",
    operation_id="healLink",
    responses=refusals(*WRITE, "forbidden", "not_found"),
)
async def heal_link(peer: str, desk: Desk, actor: CurrentActor) -> Faults:
    """End the faults of this node's calls to a peer; again changes nothing."""
    await desk.lift(peer, actor=actor)
    return Faults.model_validate(desk.as_json())


@router.put("/disk", operation_id="fillDisk", responses=refusals(*WRITE, "forbidden"))
async def fill_disk(wanted: FullDisk, desk: Desk, actor: CurrentActor) -> Faults:
    """Let this node's disk be full: what needs more room is answered 507 `disk_full`."""
    await desk.fill_disk(wanted.max_bytes, lease_seconds=wanted.lease_seconds, actor=actor)
    return Faults.model_validate(desk.as_json())


@router.post(
    "/disk/probe",
    operation_id="probeDisk",
    responses=refusals(*WRITE, "forbidden"),
)
async def probe_disk(desk: Desk) -> DiskProbed:
    """Try a write that needs room, and undo it."""
    return DiskProbed(refused=await desk.probe_disk())


@router.delete("/disk", operation_id="emptyDisk", responses=refusals(*WRITE, "forbidden"))
async def empty_disk(desk: Desk, actor: CurrentActor) -> Faults:
    """Give this node's disk its room again; again changes nothing."""
    await desk.empty_disk(actor=actor)
    return Faults.model_validate(desk.as_json())


@router.delete("", operation_id="healAll", responses=refusals(*WRITE, "forbidden"))
async def heal_all(desk: Desk, actor: CurrentActor) -> Faults:
    """End every fault of this node; again changes nothing."""
    await desk.lift(None, actor=actor)
    return Faults.model_validate(desk.as_json())

"""/faults: breaking this node's links and disk on purpose, for administrators; only with LAB_FAULTS."""

from typing import Annotated

from fastapi import Body, Depends

from app.api.dependencies import AdminOnly, CurrentActor, CurrentNode
from app.api.openapi import READ, WRITE, refusals
from app.api.schemas.faults import (
    AnyLinkFault,
    DiskProbed,
    Faults,
    Forged,
    Forgery,
    FullDisk,
    Probed,
    SkewedClock,
    SmallBatch,
)
from app.api.strictness import StrictRouter
from app.faults.fault_service import FaultService

router = StrictRouter(prefix="/faults", tags=["faults"], dependencies=[AdminOnly])


async def fault_service(node: CurrentNode) -> FaultService:
    """The node's fault service."""
    assert node.faults is not None, "these routes exist only where it does"
    return node.faults


Service = Annotated[FaultService, Depends(fault_service)]


@router.get(
    "", operation_id="listFaults", summary="List the active faults", responses=refusals(*READ, "forbidden")
)
async def index(faults: Service) -> Faults:
    """The active faults of this node's outgoing calls, and of its disk."""
    return Faults.of(faults.active())


@router.put(
    "/links/{peer}",
    operation_id="breakLink",
    summary="Break the link to a peer",
    responses=refusals(*WRITE, "forbidden", "not_found"),
)
async def break_link(
    peer: str, wanted: Annotated[AnyLinkFault, Body()], faults: Service, actor: CurrentActor
) -> Faults:
    """Break this node's calls to a peer, in place of a fault of the same kind. The peer's own calls to this
    node go on: break them at the peer."""
    await faults.put(peer, wanted.fault(), lease_seconds=wanted.lease_seconds, seed=wanted.seed, actor=actor)
    return Faults.of(faults.active())


@router.post(
    "/links/{peer}/probe",
    operation_id="probeLink",
    summary="Probe the link to a peer",
    responses=refusals(*READ, "forbidden", "not_found"),
)
async def probe_link(peer: str, faults: Service) -> Probed:
    """Send a peer one call without effect over the link as it is, and say how it fared."""
    probe = await faults.probe(peer)
    return Probed(answered=probe.answered, seconds=probe.seconds, error=probe.error)


@router.delete(
    "/links/{peer}",
    operation_id="healLink",
    summary="Mend the link to a peer",
    responses=refusals(*WRITE, "forbidden", "not_found"),
)
async def heal_link(peer: str, faults: Service, actor: CurrentActor) -> Faults:
    """End the faults of this node's calls to a peer; again changes nothing."""
    await faults.lift(peer, actor=actor)
    return Faults.of(faults.active())


@router.post(
    "/links/{peer}/forge",
    operation_id="forgeEvents",
    summary="Try false messages on a peer",
    responses=refusals(*WRITE, "forbidden", "not_found"),
)
async def forge(peer: str, wanted: Forgery, faults: Service, actor: CurrentActor) -> Forged:
    """Send a peer events that are repeated, replayed, tampered with or forged, made of the last batch that it
    took from this node, and say how it answered."""
    return Forged.of(await faults.forge(peer, wanted.kind, times=wanted.times, actor=actor))


@router.put(
    "/clock", operation_id="skewClock", summary="Break the clock", responses=refusals(*WRITE, "forbidden")
)
async def skew_clock(wanted: SkewedClock, faults: Service, actor: CurrentActor) -> Faults:
    """Shift this node's wall clock."""
    await faults.turn("clock", wanted.offset_seconds, lease_seconds=wanted.lease_seconds, actor=actor)
    return Faults.of(faults.active())


@router.delete(
    "/clock", operation_id="healClock", summary="Mend the clock", responses=refusals(*WRITE, "forbidden")
)
async def heal_clock(faults: Service, actor: CurrentActor) -> Faults:
    """Set this node's wall clock right; again changes nothing."""
    await faults.release("clock", actor=actor)
    return Faults.of(faults.active())


@router.put(
    "/batch",
    operation_id="limitBatch",
    summary="Let a batch be small",
    responses=refusals(*WRITE, "forbidden"),
)
async def limit_batch(wanted: SmallBatch, faults: Service, actor: CurrentActor) -> Faults:
    """Let the batches that this node sends hold so many events at most."""
    await faults.turn("batch", wanted.events, lease_seconds=wanted.lease_seconds, actor=actor)
    return Faults.of(faults.active())


@router.delete(
    "/batch",
    operation_id="healBatch",
    summary="Give batches their size back",
    responses=refusals(*WRITE, "forbidden"),
)
async def heal_batch(faults: Service, actor: CurrentActor) -> Faults:
    """Let this node send whole batches again; again changes nothing."""
    await faults.release("batch", actor=actor)
    return Faults.of(faults.active())


@router.put(
    "/disk", operation_id="fillDisk", summary="Let the disk be full", responses=refusals(*WRITE, "forbidden")
)
async def fill_disk(wanted: FullDisk, faults: Service, actor: CurrentActor) -> Faults:
    """Let this node's disk be full: what needs more room is answered 507 `disk_full`."""
    await faults.fill_disk(wanted.max_bytes, lease_seconds=wanted.lease_seconds, actor=actor)
    return Faults.of(faults.active())


@router.post(
    "/disk/probe",
    operation_id="probeDisk",
    summary="Probe the disk",
    responses=refusals(*WRITE, "forbidden"),
)
async def probe_disk(faults: Service) -> DiskProbed:
    """Try a write that needs room, and undo it."""
    return DiskProbed(refused=await faults.probe_disk())


@router.delete(
    "/disk",
    operation_id="emptyDisk",
    summary="Give the disk its room back",
    responses=refusals(*WRITE, "forbidden"),
)
async def empty_disk(faults: Service, actor: CurrentActor) -> Faults:
    """Give this node's disk its room again; again changes nothing."""
    await faults.empty_disk(actor=actor)
    return Faults.of(faults.active())


@router.delete("", operation_id="healAll", summary="End every fault", responses=refusals(*WRITE, "forbidden"))
async def heal_all(faults: Service, actor: CurrentActor) -> Faults:
    """End every fault of this node; again changes nothing."""
    await faults.lift(None, actor=actor)
    return Faults.of(faults.active())

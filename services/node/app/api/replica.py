"""What nodes ask of each other. No client token opens these doors."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Header, Request
from pydantic import ValidationError

from app.api.dependencies import CurrentNode
from app.api.openapi import PEER, refusals
from app.domain.errors import Invalid
from app.security.replica_tokens import ReplicaClaims
from app.sync.damage.turns import TurnReply, TurnRequest
from app.sync.wire.messages import (
    Batch,
    BatchReceipt,
    BucketReply,
    BucketRequest,
    Hello,
    Message,
    Page,
    PageRequest,
    SealReply,
    SealRequest,
    TotalsReply,
    TotalsRequest,
    TransferReply,
    TransferRequest,
)

router = APIRouter(prefix="/replica", tags=["replica"], responses=refusals(*PEER))
M = TypeVar("M", bound=Message)


async def claims_of(
    request: Request,
    node: CurrentNode,
    x_replica_token: Annotated[str | None, Header(description="Issued by the sending node")] = None,
) -> ReplicaClaims:
    """Who sent exactly this request. Raises ReplicaTokenRefused."""
    body = await request.body()
    return node.replica_tokens.verify(
        x_replica_token, method=request.method, path=request.url.path, body=body, now=node.clock.wall()
    )


Sender = Annotated[ReplicaClaims, Depends(claims_of)]


def message(expected: type[M]) -> Callable[[Request, ReplicaClaims], Awaitable[M]]:
    """A dependency that reads the body as one message, after its token was checked. Raises Invalid."""

    async def read(request: Request, _sender: Sender) -> M:
        try:
            return expected.model_validate_json(await request.body())
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise Invalid(where or "body", "malformed") from error

    return read


@router.post("/hello", operation_id="replicaHello", summary="Say who you are and how far you are")
async def hello(node: CurrentNode, sender: Sender, said: Annotated[Hello, Depends(message(Hello))]) -> Hello:
    return await node.peer_server.hello(sender, said)


@router.post("/event", operation_id="replicaEvent", summary="Deliver a batch of your own events")
async def event(
    node: CurrentNode, sender: Sender, batch: Annotated[Batch, Depends(message(Batch))]
) -> BatchReceipt:
    return await node.peer_server.event(sender, batch)


@router.post("/transfer", operation_id="replicaTransfer", summary="Ask for rights")
async def transfer(
    node: CurrentNode, sender: Sender, wish: Annotated[TransferRequest, Depends(message(TransferRequest))]
) -> TransferReply:
    return await node.peer_server.transfer(sender, wish)


@router.post("/snapshot", operation_id="replicaSnapshot", summary="Fetch whole rows, page by page")
async def snapshot(
    node: CurrentNode, sender: Sender, wanted: Annotated[PageRequest, Depends(message(PageRequest))]
) -> Page:
    return await node.peer_server.snapshot(sender, wanted)


@router.post("/totals", operation_id="replicaTotals", summary="Compare digests bucket by bucket")
async def totals(
    node: CurrentNode, sender: Sender, wanted: Annotated[TotalsRequest, Depends(message(TotalsRequest))]
) -> TotalsReply:
    return await node.peer_server.totals(sender, wanted)


@router.post("/bucket", operation_id="replicaBucket", summary="Fetch the rows of one digest bucket")
async def bucket(
    node: CurrentNode, sender: Sender, wanted: Annotated[BucketRequest, Depends(message(BucketRequest))]
) -> BucketReply:
    return await node.peer_server.bucket(sender, wanted)


@router.post("/seal", operation_id="replicaSeal", summary="Take part in a stock count")
async def seal(
    node: CurrentNode, sender: Sender, wanted: Annotated[SealRequest, Depends(message(SealRequest))]
) -> SealReply:
    return await node.peer_server.seal(sender, wanted)


@router.post("/turn", operation_id="replicaTurn", summary="Ask for your turn to replace a damaged file")
async def turn(
    node: CurrentNode, sender: Sender, wanted: Annotated[TurnRequest, Depends(message(TurnRequest))]
) -> TurnReply:
    return await node.turns.answer(sender, wanted)

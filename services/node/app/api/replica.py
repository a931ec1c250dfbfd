"""What nodes ask of each other. No client token opens these doors."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from pydantic import ValidationError

from app.api.at_once import Asked, AtOnce, Ready, Routes
from app.api.dependencies import CurrentNode
from app.api.json_body import LongWay
from app.api.openapi import PEER, refusals
from app.api.strictness import StrictRouter
from app.domain.errors import BeyondBounds, Invalid
from app.node import BranchNode
from app.security.replica_tokens import ANSWER_HEADER, REQUEST_HEADER, ReplicaClaims
from app.sync.damage.turns import TurnReply, TurnRequest
from app.sync.wire.message import Message
from app.sync.wire.messages import (
    Batch,
    BatchReceipt,
    BucketReply,
    BucketRequest,
    Hello,
    Page,
    PageRequest,
    SealReply,
    SealRequest,
    TotalsReply,
    TotalsRequest,
    TransferReply,
    TransferRequest,
)

router = StrictRouter(prefix="/replica", tags=["replica"], responses=refusals(*PEER))
_MESSAGE = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}
_TOKEN, _MARK = REQUEST_HEADER.lower().encode(), ANSWER_HEADER.lower().encode()
M = TypeVar("M", bound=Message)
_BEYOND = ("too_long", "string_too_long", "less_than_equal")
"""The errors of a message that is larger than any honest one (app.domain.bounds)."""


async def claims_of(
    request: Request,
    node: CurrentNode,
    x_replica_token: Annotated[str | None, Header(description="Issued by the sending node")] = None,
) -> ReplicaClaims:
    """Who sent exactly this request. Raises ReplicaTokenRefused."""
    body = await request.body()
    return node.replica_tokens.verify(
        x_replica_token,
        method=request.method,
        path=request.url.path,
        body=body,
        now=node.receiver_clock.now(),
    )


Sender = Annotated[ReplicaClaims, Depends(claims_of)]


def message(expected: type[M]) -> Callable[[Request, ReplicaClaims], Awaitable[M]]:
    """A dependency that reads the body as one message, after its token was checked. Raises Invalid, or
    BeyondBounds for what is larger than any honest message."""

    async def read(request: Request, _sender: Sender) -> M:
        return _read(expected, await request.body())

    return read


def _read(expected: type[M], body: bytes) -> M:
    try:
        return expected.read(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] in _BEYOND:
            raise BeyondBounds(where, first["type"]) from error
        raise Invalid(where or "body", "malformed") from error


def _at_once(
    path: str, expected: type[M], answer: Callable[[BranchNode, ReplicaClaims, M], Awaitable[Message]]
) -> AtOnce:
    """The short way to a route: what its dependencies check, and its answer with the mark."""

    async def answer_at_once(asked: Asked) -> Ready:
        if asked.query:
            raise LongWay
        token = asked.header(_TOKEN)  # before it is used up: a second one takes the long way
        tokens, now = asked.node.replica_tokens, asked.node.receiver_clock.now()
        sender = tokens.verify(token, method="POST", path=path, body=asked.body, now=now)
        said = _read(expected, asked.body)
        reply = await answer(asked.node, sender, said)
        body = reply.model_dump_json().encode()
        mark = tokens.mark(token or "", status=200, body=body)
        return Ready(200, body, headers=((_MARK, mark.encode()),), asked=said)

    return answer_at_once


@router.post(
    "/hello",
    operation_id="replicaHello",
    summary="Say who you are and how far you are",
    openapi_extra=_MESSAGE,
)
async def hello(node: CurrentNode, sender: Sender, said: Annotated[Hello, Depends(message(Hello))]) -> Hello:
    return await node.peer_server.hello(sender, said)


@router.post(
    "/event",
    operation_id="replicaEvent",
    summary="Deliver a batch of your own events",
    openapi_extra=_MESSAGE,
)
async def event(
    node: CurrentNode, sender: Sender, batch: Annotated[Batch, Depends(message(Batch))]
) -> BatchReceipt:
    return await node.peer_server.event(sender, batch)


@router.post("/transfer", operation_id="replicaTransfer", summary="Ask for rights", openapi_extra=_MESSAGE)
async def transfer(
    node: CurrentNode, sender: Sender, wish: Annotated[TransferRequest, Depends(message(TransferRequest))]
) -> TransferReply:
    return await node.peer_server.transfer(sender, wish)


@router.post(
    "/snapshot",
    operation_id="replicaSnapshot",
    summary="Fetch whole rows, page by page",
    openapi_extra=_MESSAGE,
)
async def snapshot(
    node: CurrentNode, sender: Sender, wanted: Annotated[PageRequest, Depends(message(PageRequest))]
) -> Page:
    return await node.peer_server.snapshot(sender, wanted)


@router.post(
    "/totals",
    operation_id="replicaTotals",
    summary="Compare digests bucket by bucket",
    openapi_extra=_MESSAGE,
)
async def totals(
    node: CurrentNode, sender: Sender, wanted: Annotated[TotalsRequest, Depends(message(TotalsRequest))]
) -> TotalsReply:
    return await node.peer_server.totals(sender, wanted)


@router.post(
    "/bucket",
    operation_id="replicaBucket",
    summary="Fetch the rows of one digest bucket",
    openapi_extra=_MESSAGE,
)
async def bucket(
    node: CurrentNode, sender: Sender, wanted: Annotated[BucketRequest, Depends(message(BucketRequest))]
) -> BucketReply:
    return await node.peer_server.bucket(sender, wanted)


@router.post(
    "/seal", operation_id="replicaSeal", summary="Take part in a stock count", openapi_extra=_MESSAGE
)
async def seal(
    node: CurrentNode, sender: Sender, wanted: Annotated[SealRequest, Depends(message(SealRequest))]
) -> SealReply:
    return await node.peer_server.hand_over(sender, wanted)


@router.post(
    "/turn",
    operation_id="replicaTurn",
    summary="Ask for your turn to replace a damaged file",
    openapi_extra=_MESSAGE,
)
async def turn(
    node: CurrentNode, sender: Sender, wanted: Annotated[TurnRequest, Depends(message(TurnRequest))]
) -> TurnReply:
    return await node.turns.answer(sender, wanted)


AT_ONCE: Routes = {
    ("POST", "/replica/event"): _at_once("/replica/event", Batch, event),
    ("POST", "/replica/transfer"): _at_once("/replica/transfer", TransferRequest, transfer),
}
"""What branches ask each other most often: one batch after the other, and each order that needs a grant."""

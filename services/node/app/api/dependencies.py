"""What routes are given: the node, the live user behind the token, and who to write into the audit."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from app.api.admission import PASS
from app.api.door import TOKEN, VERDICT
from app.api.openapi import CLIENT_TOKEN
from app.database import Actor
from app.domain.user import User
from app.node import BranchNode
from app.security.client_tokens import Claims, ReadToken
from app.security.errors import Forbidden, Unauthenticated
from app.security.token_verdicts import Verdict
from app.services.caller import STAYING, Caller
from app.state.tables import users


async def current_node(request: Request) -> BranchNode:
    """The node this application serves."""
    node: BranchNode = request.app.state.node
    return node


CurrentNode = Annotated[BranchNode, Depends(current_node)]

_bearer = OAuth2PasswordBearer(
    tokenUrl="/auth/login", auto_error=False, scheme_name=CLIENT_TOKEN, description="From POST /auth/login."
)


async def current_user(
    request: Request, node: CurrentNode, token: Annotated[str | None, Depends(_bearer)]
) -> User:
    """The live user behind the request's token. Raises Unauthenticated, also for a token that was good
    once: the user was deactivated, or their role or password changed since."""
    if token is None:
        raise Unauthenticated("missing_token")
    return await user_of(node, token, request.scope["state"])


async def user_of(node: BranchNode, token: str, state: Mapping[str, Any]) -> User:
    """The live user behind a request's token, as `current_user`. `state` is what the door found out."""
    verdict: Verdict | None = state.get(VERDICT)
    if verdict is not None and node.verdicts.holds(verdict):
        return verdict.user
    read: ReadToken | None = state.get(TOKEN)
    if read is None:
        read = node.tokens.read(token, now=node.clock.wall())
    since = node.verdicts.round
    user = await node.database.read(lambda connection: users.acting(connection, read.claims.user_id))
    if user is None or not user.active or claims_of(user) != read.claims:
        raise Unauthenticated("ended_token")
    node.verdicts.keep(token, read, user, since=since, now=node.clock.monotonic())
    return user


def claims_of(user: User) -> Claims:
    """What a token of this user says while nothing about them changes."""
    return Claims(
        user_id=user.id,
        role=user.role,
        token_version=user.token_version,
        credentials=user.credentials_id,
    )


CurrentUser = Annotated[User, Depends(current_user)]


async def require_admin(user: CurrentUser) -> User:
    """The live user, who is an administrator. Raises Forbidden for others."""
    if user.role != "admin":
        raise Forbidden("admin")
    return user


AnyUser = Depends(current_user)
AdminOnly = Depends(require_admin)


async def current_actor(request: Request, user: CurrentUser) -> Actor:
    """Who to write into the audit."""
    return Actor(user_id=user.id, request_id=request.state.request_id)


CurrentActor = Annotated[Actor, Depends(current_actor)]


async def current_caller(request: Request) -> Caller:
    """The client that waits for the answer."""
    caller: Caller = getattr(request.state, PASS, STAYING)
    return caller


CurrentCaller = Annotated[Caller, Depends(current_caller)]


async def client_address(request: Request) -> str:
    """Where the request came from, as far as the connection tells; forwarded headers are not trusted."""
    return request.client.host if request.client else "unknown"


ClientAddress = Annotated[str, Depends(client_address)]

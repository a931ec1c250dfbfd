"""What routes are given: the node, the live user behind the token, and who to write into the audit."""

from collections.abc import Mapping
from random import Random
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from app.api.openapi import CLIENT_TOKEN
from app.config import Settings
from app.database import Actor, Database
from app.domain.user import User
from app.faults.fault_service import FaultService
from app.runtime import Clock
from app.security.client_tokens import Claims, ClientTokens
from app.security.errors import Forbidden, Unauthenticated
from app.security.passwords import Passwords
from app.security.replica_tokens import ReplicaTokens
from app.security.throttle import LoginThrottle
from app.services.order_service import OrderService
from app.services.stock_service import StockService
from app.state.tables import users
from app.sync.damage.turns import TurnService
from app.sync.guards.readiness import Readiness
from app.sync.lifecycle.member_service import MemberService
from app.sync.peer_server import PeerServer
from app.sync.stock.count_service import CountService


class Node(Protocol):
    """The parts of a node that routes use; `app.node.BranchNode` is the real one."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def random(self) -> Random: ...
    @property
    def database(self) -> Database: ...
    @property
    def passwords(self) -> Passwords: ...
    @property
    def tokens(self) -> ClientTokens: ...
    @property
    def throttle(self) -> LoginThrottle: ...
    @property
    def orders(self) -> OrderService: ...
    @property
    def stock(self) -> StockService: ...
    @property
    def replica_tokens(self) -> ReplicaTokens: ...
    @property
    def counts(self) -> CountService: ...
    @property
    def members(self) -> MemberService: ...
    @property
    def peer_server(self) -> PeerServer: ...
    @property
    def turns(self) -> TurnService: ...
    @property
    def readiness(self) -> Readiness: ...
    @property
    def faults(self) -> FaultService | None: ...
    @property
    def ready(self) -> bool: ...
    async def replay_parked(self, *, actor: Actor) -> Mapping[str, int]: ...
    async def status(self) -> Mapping[str, Any]: ...


async def current_node(request: Request) -> Node:
    """The node this application serves."""
    node: Node = request.app.state.node
    return node


CurrentNode = Annotated[Node, Depends(current_node)]

_bearer = OAuth2PasswordBearer(
    tokenUrl="/auth/login", auto_error=False, scheme_name=CLIENT_TOKEN, description="From POST /auth/login."
)


async def current_user(node: CurrentNode, token: Annotated[str | None, Depends(_bearer)]) -> User:
    """The live user behind the request's token. Raises Unauthenticated, also for a token that was good
    once: the user was deactivated, or their role or password changed since."""
    if token is None:
        raise Unauthenticated("missing_token")
    claims = node.tokens.read(token, now=node.clock.wall())
    user = await node.database.read(lambda connection: users.find(connection, claims.user_id))
    if user is None or not user.active or claims_of(user) != claims:
        raise Unauthenticated("ended_token")
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


async def client_address(request: Request) -> str:
    """Where the request came from, as far as the connection tells; forwarded headers are not trusted."""
    return request.client.host if request.client else "unknown"


ClientAddress = Annotated[str, Depends(client_address)]

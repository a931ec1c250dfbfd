"""Proving who one is: the use cases behind /auth."""

from collections.abc import Awaitable, Callable

from app.api.dependencies import claims_of
from app.database import Actor
from app.domain import identity, text
from app.domain.errors import Invalid
from app.domain.user import User
from app.node import BranchNode
from app.security.addresses import network_of
from app.security.client_tokens import IssuedToken
from app.security.errors import Unauthenticated
from app.security.login_lane import Abandoned, Standing
from app.state.tables import users


async def log_in(
    node: BranchNode, username: str, password: str, *, address: str, abandoned: Abandoned
) -> IssuedToken:
    """A token for the active user with this name and password.

    Raises Unauthenticated, the same and after the same time for an unknown user, a wrong password and a
    deactivated user; Throttled after too many of them; LoginsBusy where too many wait. Only Unauthenticated
    costs a hash.
    """
    known = not text.fault(username.strip(), longest=text.KEY)
    throttled_as = identity.normalised(username) if known else "no username"

    async def find() -> User | None:
        if not known:
            return None
        return await node.database.read(
            lambda connection: users.acting_by_username(connection, username.strip())
        )

    login = _Login(node, throttled_as, network_of(address))
    standing = login.standing
    user = await login.prove(find, password, standing=standing, abandoned=abandoned)
    if user is None:
        raise Unauthenticated("wrong_credentials")
    return node.tokens.issue(claims_of(user), now=node.clock.wall())


async def change_password(
    node: BranchNode,
    user: User,
    *,
    current: str,
    new: str,
    actor: Actor,
    address: str,
    abandoned: Abandoned,
) -> IssuedToken:
    """Give the user a new password and a token for it; all their other tokens end.

    Raises Invalid for a wrong present password, Throttled after too many of them, LoginsBusy where too many
    wait.
    """

    async def find() -> User | None:
        return user

    login = _Login(node, identity.normalised(user.username), network_of(address))
    standing = Standing.PAIR_KNOWN  # by the token
    if await login.prove(find, current, standing=standing, abandoned=abandoned) is None:
        raise Invalid("current_password", "wrong_password")
    password_hash = await node.passwords.hash(new)
    changed = await node.database.write(
        lambda tx: users.set_password(tx, user.id, password_hash, action="password_changed", actor=actor)
    )
    return node.tokens.issue(claims_of(changed), now=node.clock.wall())


class _Login:
    """One try to prove a password, under the throttle and in the lane."""

    def __init__(self, node: BranchNode, username: str, address: str) -> None:
        self._node = node
        self._pair = (username, address)

    @property
    def standing(self) -> Standing:
        return self._node.throttle.standing(*self._pair, now=self._now())

    async def prove(
        self,
        find: Callable[[], Awaitable[User | None]],
        password: str,
        *,
        standing: Standing,
        abandoned: Abandoned,
    ) -> User | None:
        """The user that `find` finds, if this is their password. A refused try costs neither a look-up nor a
        hash."""
        throttle = self._node.throttle
        throttle.require_open(*self._pair, now=self._now())
        async with self._node.logins.turn(standing, abandoned=abandoned):
            throttle.require_open(*self._pair, now=self._now())  # others may have failed meanwhile
            user = await find()
            right = await self._node.passwords.check(password, user.password_hash if user else None)
        throttle.require_unlocked(*self._pair, now=self._now())
        if user is None or not user.active or not right:
            throttle.failed(*self._pair, now=self._now())
            return None
        throttle.succeeded(*self._pair, now=self._now())
        return user

    def _now(self) -> float:
        return self._node.clock.monotonic()

"""Proving who one is: the use cases behind /auth."""

from app.api.dependencies import claims_of
from app.database import Actor
from app.domain import identity, text
from app.domain.errors import Invalid
from app.domain.user import User
from app.node import BranchNode
from app.security.client_tokens import IssuedToken
from app.security.errors import Unauthenticated
from app.state.tables import users


async def log_in(node: BranchNode, username: str, password: str, *, address: str) -> IssuedToken:
    """A token for the active user with this name and password.

    Raises Unauthenticated, the same and after the same time for an unknown user, a wrong password and a
    deactivated user; Throttled after too many of them.
    """
    known = not text.fault(username.strip(), longest=text.KEY)
    user = None
    if known:
        user = await node.database.read(
            lambda connection: users.find_by_username(connection, username.strip())
        )
    throttled_as = identity.normalised(username) if known else "no username"
    if not await _proves(node, user, password, throttled_as=throttled_as, address=address):
        raise Unauthenticated("wrong_credentials")
    assert user is not None, "only a known user's password is right"
    return node.tokens.issue(claims_of(user), now=node.clock.wall())


async def change_password(
    node: BranchNode, user: User, *, current: str, new: str, actor: Actor, address: str
) -> IssuedToken:
    """Give the user a new password and a token for it; all their other tokens end.

    Raises Invalid for a wrong present password, Throttled after too many of them.
    """
    throttled_as = identity.normalised(user.username)
    if not await _proves(node, user, current, throttled_as=throttled_as, address=address):
        raise Invalid("current_password", "wrong_password")
    password_hash = await node.passwords.hash(new)
    changed = await node.database.write(
        lambda tx: users.set_password(tx, user.id, password_hash, action="password_changed", actor=actor)
    )
    return node.tokens.issue(claims_of(changed), now=node.clock.wall())


async def _proves(
    node: BranchNode, user: User | None, password: str, *, throttled_as: str, address: str
) -> bool:
    node.throttle.require_open(throttled_as, address, now=node.clock.monotonic())
    right = await node.passwords.check(password, user.password_hash if user else None)
    node.throttle.require_open(throttled_as, address, now=node.clock.monotonic())
    if user is not None and user.active and right:
        node.throttle.succeeded(throttled_as, address)
        return True
    node.throttle.failed(throttled_as, address, now=node.clock.monotonic())
    return False

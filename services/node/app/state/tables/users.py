"""Users: who may act at which branches, under an immutable username."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.database import Actor, Transaction
from app.domain import admins, identity, text
from app.domain.errors import AlreadyExists, LastAdmin, NotFound
from app.domain.forms import Row
from app.domain.lww import Activity, Stamp
from app.domain.user import Role, User
from app.state.tables import user_rows
from app.state.tables.lww_table import cluster_id, require_no_id

_LONG_AGO = 1  # in logical time: earlier than every removal of an active administrator


@dataclass(frozen=True)
class NewUser:
    """A user to create; the password is already hashed."""

    username: str
    role: Role
    password_hash: str


@dataclass(frozen=True)
class UserChange:
    """What an admin changes of a user; None leaves it as it is."""

    role: Role | None = None
    active: bool | None = None


def find(connection: sqlite3.Connection, user_id: str) -> User | None:
    """The user with this id, or None."""
    if text.fault(user_id, longest=text.KEY):
        return None
    return next(user_rows.select(connection, "id = ?", (user_id,)), None)


def find_by_username(connection: sqlite3.Connection, username: str) -> User | None:
    """The user with this username in any spelling, or None."""
    if text.fault(username, longest=text.KEY):
        return None
    return find(connection, identity.user_id(cluster_id(connection), username))


def acting_by_username(connection: sqlite3.Connection, username: str) -> User | None:
    """The user with this username in any spelling, as `acting` returns them; or None."""
    user = find_by_username(connection, username)
    return None if user is None else acting(connection, user.id)


def acting(connection: sqlite3.Connection, user_id: str) -> User | None:
    """The user with this id as they may act now, or None. Where no user is an active administrator, one is
    read as such (`app.domain.admins`); their row says otherwise."""
    user = find(connection, user_id)
    if user is None or user.active_admin or not user.was_admin:
        return user
    return _acting(user, _stand_in(connection))


def get(connection: sqlite3.Connection, user_id: str) -> User:
    """The user with this id, as their row says. Raises NotFound."""
    return _require(find(connection, user_id), user_id)


def get_acting(connection: sqlite3.Connection, user_id: str) -> User:
    """The user with this id, as `acting` returns them. Raises NotFound."""
    return _require(acting(connection, user_id), user_id)


def page(connection: sqlite3.Connection, after: str, limit: int) -> list[User]:
    """Up to `limit` users whose id is beyond `after`, by id, as they may act now."""
    stand_in = _stand_in(connection)
    found = user_rows.select(connection, "id > ? ORDER BY id LIMIT ?", (after, limit))
    return [_acting(user, stand_in) for user in found]


def snapshot(connection: sqlite3.Connection, user_id: str) -> Row | None:
    """The whole row in canonical form, for the wire and the digest, or None. It holds the password's hash."""
    found = find(connection, user_id)
    return None if found is None else found.as_json()


def checked(tx: Transaction, row: Mapping[str, Any]) -> Row:
    """A peer's user in canonical form. Raises Invalid for one that no node could have written."""
    return User.from_json(row, cluster_id=tx.identity.cluster_id).as_json()


def create(tx: Transaction, user: NewUser, *, actor: Actor) -> User:
    """Create a user here and return it. Raises AlreadyExists, also for a deactivated one, and Invalid for a
    username that looks like an id."""
    require_no_id("username", user.username)
    after = _new(tx, user, stamp=_stamp(tx))
    if find(tx.connection, after.id) is not None:
        raise AlreadyExists("user", user.username)
    _edit(tx, None, after, action="created", actor=actor)
    return after


def found_admin(tx: Transaction, username: str, password_hash: str) -> None:
    """Make the network's first admin, if there is none of this name.

    Its stamp is before every other (lamport 0). So founding undoes no later edit, and nodes that found the
    network at the same moment agree on one row.
    """
    stamp = Stamp(lamport=0, node=tx.identity.name, epoch=tx.identity.epoch)
    admin = _new(tx, NewUser(username=username, role="admin", password_hash=password_hash), stamp=stamp)
    if find(tx.connection, admin.id) is None:
        _edit(tx, None, admin, action="founded", actor=Actor(user_id=tx.identity.name, request_id=""))


def change(tx: Transaction, user_id: str, change: UserChange, *, actor: Actor) -> User:
    """Change a user's role, activity, or both. Returns the user. Tokens in use end.

    To deactivate an inactive user again counts: it also beats a reactivation made elsewhere meanwhile. Raises
    NotFound, and LastAdmin if this network would have no active admin left (as known here).
    """
    before = after = get(tx.connection, user_id)
    if change.role is not None and change.role != before.role:
        after = after.with_role(change.role, stamp=_stamp(tx))
    if change.active is False:
        after = after.deactivated(stamp=_stamp(tx))
    if change.active is True and not before.active:
        after = after.reactivated()
    if after == before:
        return before
    if before.active_admin and not after.active_admin:
        _require_another_admin(tx.connection, user_id)
        after = after.removed_from_admins(lamport=tx.lamport)
    elif before.was_admin and not after.was_admin:
        after = after.removed_from_admins(lamport=_LONG_AGO)
    _edit(tx, before, after, action="changed", actor=actor)
    return after


def set_password(tx: Transaction, user_id: str, password_hash: str, *, action: str, actor: Actor) -> User:
    """Give a user a new password (hashed) and return the user; tokens in use end. Raises NotFound."""
    before = get(tx.connection, user_id)
    after = before.with_password(password_hash, stamp=_stamp(tx))
    _edit(tx, before, after, action=action, actor=actor)
    return after


def reset_admin(tx: Transaction, username: str, password_hash: str, *, actor: Actor) -> User:
    """Make this user an active administrator with this password, whoever they are, and return them. Create
    them where there is none. Their tokens end."""
    new = _new(tx, NewUser(username=username, role="admin", password_hash=password_hash), stamp=_stamp(tx))
    before = find(tx.connection, new.id)
    after = new
    if before is not None:
        after = before.with_password(password_hash, stamp=_stamp(tx)).reactivated()
        after = after.with_role("admin", stamp=_stamp(tx))
    _edit(tx, before, after, action="admin_reset", actor=actor)
    return after


def merge(tx: Transaction, snapshot: Row) -> bool:
    """Apply a peer's snapshot, group by group; True if the row changed. Emits nothing. Raises Invalid.

    When credentials or a role set at this node lose, the row as it was stays in the audit.
    """
    theirs = User.from_json(snapshot, cluster_id=tx.identity.cluster_id)
    latest = max(theirs.credentials.lamport, theirs.role_stamp.lamport)
    tx.require_lamport(latest)
    tx.advance(latest)
    ours = find(tx.connection, theirs.id)
    merged = theirs if ours is None else ours.merge(theirs)
    if merged == ours:
        return False
    _save(tx, ours, merged)
    if ours is not None and tx.identity.name in _beaten_nodes(ours, merged):
        _audit_superseded(tx, ours, merged)
    return True


def _beaten_nodes(before: User, after: User) -> set[str]:
    pairs = ((before.credentials, after.credentials), (before.role_stamp, after.role_stamp))
    return {old.node for old, new in pairs if old != new}


def _audit_superseded(tx: Transaction, before: User, after: User) -> None:
    winner = max(after.credentials, after.role_stamp)
    tx.audit(
        Actor(user_id=winner.node, request_id=""),
        action="superseded",
        entity="user",
        entity_id=after.id,
        before=before.audited(),
        after=after.audited(),
        version=winner.lamport,
    )


def _new(tx: Transaction, user: NewUser, *, stamp: Stamp) -> User:
    return User(
        id=identity.user_id(tx.identity.cluster_id, user.username),
        username=user.username,
        password_hash=user.password_hash,
        credentials=stamp,
        role=user.role,
        role_stamp=stamp,
        activity=Activity(),
        token_version=1,
    )


def _stamp(tx: Transaction) -> Stamp:
    return Stamp(lamport=tx.lamport, node=tx.identity.name, epoch=tx.identity.epoch)


def _require(found: User | None, user_id: str) -> User:
    if found is None:
        raise NotFound("user", user_id)
    return found


def _stand_in(connection: sqlite3.Connection) -> User | None:
    return admins.stand_in(user_rows.select(connection, "role = 'admin' OR admin_until > 0"))


def _acting(user: User, stand_in: User | None) -> User:
    return user.as_active_admin() if stand_in is not None and stand_in.id == user.id else user


def has_active_admin(connection: sqlite3.Connection, *, besides: str = "") -> bool:
    """Whether the network has an active admin, as known here. The user `besides` does not count."""
    others = user_rows.select(connection, "role = 'admin' AND id != ?", (besides,))
    return any(user.active for user in others)


def _require_another_admin(connection: sqlite3.Connection, user_id: str) -> None:
    if not has_active_admin(connection, besides=user_id):
        raise LastAdmin(user_id)


def _edit(tx: Transaction, before: User | None, after: User, *, action: str, actor: Actor) -> None:
    _save(tx, before, after)
    tx.emit("user_upserted", after.id)
    tx.audit(
        actor,
        action=action,
        entity="user",
        entity_id=after.id,
        before=before.audited() if before else None,
        after=after.audited(),
        version=after.token_version,
    )


def _save(tx: Transaction, before: User | None, after: User) -> None:
    row = after.as_json()
    user_rows.put(tx, row)
    tx.changed("users", after.id, before=before.as_json() if before else None, after=row)

"""Users changed at two branches that were apart."""

from typing import Any

import pytest

from app.database import Actor
from app.domain.errors import AlreadyExists, Invalid, LastAdmin, NotFound
from app.domain.user import Role, User
from app.state.tables import audit, users
from app.state.tables.audit import AuditFilter
from app.state.tables.users import NewUser, UserChange
from tests.support.branch import Branch

ROOT = Actor(user_id="root", request_id="r1")
HASHES = [f"$2b$04${character * 53}" for character in "abc"]
Apart = tuple[Branch, Branch]


def create(branch: Branch, username: str, *, role: Role = "operador", password: str = HASHES[0]) -> str:
    user = NewUser(username=username, role=role, password_hash=password)
    return str(branch.do(lambda tx: users.create(tx, user, actor=ROOT))["id"])


def change(branch: Branch, user_id: str, **wanted: Any) -> dict[str, Any]:
    return branch.do(lambda tx: users.change(tx, user_id, UserChange(**wanted), actor=ROOT))


def load(branch: Branch, user_id: str) -> User:
    found = users.find(branch.connection, user_id)
    assert found is not None
    return found


def deliver(source: Branch, target: Branch, user_id: str) -> bool:
    body = load(source, user_id).as_json()
    return target.do(lambda tx: users.merge(tx, body))


def meet(apart: Apart, user_id: str) -> User:
    """Exchange a user both ways; both must then have the same row."""
    one, other = apart
    deliver(one, other, user_id)
    deliver(other, one, user_id)
    assert load(one, user_id) == load(other, user_id)
    assert one.digest() == other.digest()
    return load(one, user_id)


def test_nodes_that_found_one_network_at_once_have_one_admin(apart: Apart) -> None:
    matriz, norte = apart
    matriz.do(lambda tx: users.found_admin(tx, "admin", HASHES[0]))
    norte.do(lambda tx: users.found_admin(tx, "admin", HASHES[1]))
    (admin,) = users.page(matriz.connection, "", 10)
    met = meet(apart, admin["id"])
    assert (met.credentials.lamport, met.role, met.active) == (0, "admin", True)


def test_founding_again_changes_nothing(apart: Apart) -> None:
    matriz, _ = apart
    matriz.do(lambda tx: users.found_admin(tx, "admin", HASHES[0]))
    matriz.do(lambda tx: users.found_admin(tx, "Admin", HASHES[1]))
    found = users.find_by_username(matriz.connection, "ADMIN")
    assert found is not None
    assert found.password_hash == HASHES[0]


def test_the_same_username_created_on_both_sides_is_one_user(apart: Apart) -> None:
    matriz, norte = apart
    user_id = create(matriz, "ana", password=HASHES[0])
    assert create(norte, "Ana", password=HASHES[1], role="admin") == user_id
    met = meet(apart, user_id)
    assert (met.username, met.password_hash, met.role) == ("Ana", HASHES[1], "admin")
    kept = audit.page(matriz.connection, AuditFilter(action="superseded"), before=None, limit=9)
    assert [entry["before"]["username"] for entry in kept] == ["ana"]


def test_a_deactivation_beats_a_password_reset_and_a_promotion_made_elsewhere(
    apart: Apart,
) -> None:
    matriz, norte = apart
    user_id = create(matriz, "ana")
    meet_once(matriz, norte, user_id)
    change(matriz, user_id, active=False)
    change(norte, user_id, role="admin")
    norte.do(lambda tx: users.set_password(tx, user_id, HASHES[1], action="password_reset", actor=ROOT))
    met = meet(apart, user_id)
    assert (met.active, met.role, met.password_hash) == (False, "admin", HASHES[1])


def test_deactivating_again_beats_a_reactivation_made_elsewhere_meanwhile(apart: Apart) -> None:
    matriz, norte = apart
    user_id = create(matriz, "ana")
    change(matriz, user_id, active=False)
    meet_once(matriz, norte, user_id)
    change(norte, user_id, active=True)
    change(matriz, user_id, active=False)
    assert not meet(apart, user_id).active


def test_whoever_saw_the_deactivation_can_reactivate(apart: Apart) -> None:
    matriz, norte = apart
    user_id = create(matriz, "ana")
    change(matriz, user_id, active=False)
    meet_once(matriz, norte, user_id)
    change(norte, user_id, active=True)
    assert meet(apart, user_id).active


def test_the_last_active_admin_stays(apart: Apart) -> None:
    matriz, _ = apart
    first = create(matriz, "ana", role="admin")
    second = create(matriz, "bia", role="admin")
    change(matriz, second, active=False)
    for wanted in ({"active": False}, {"role": "operador"}, {"role": "operador", "active": False}):
        with pytest.raises(LastAdmin):
            change(matriz, first, **wanted)
    change(matriz, second, active=True)
    assert change(matriz, first, role="operador")["role"] == "operador"


def test_no_audit_entry_and_no_view_holds_a_password_hash(apart: Apart) -> None:
    matriz, norte = apart
    user_id = create(matriz, "ana", password=HASHES[0])
    create(norte, "ana", password=HASHES[1])
    meet(apart, user_id)
    entries = audit.page(matriz.connection, AuditFilter(), before=None, limit=100)
    views = users.page(matriz.connection, "", 10)
    assert "$2b$" not in str(entries) + str(views)


def test_a_forged_snapshot_leaves_no_trace(apart: Apart) -> None:
    matriz, norte = apart
    user_id = create(matriz, "ana")
    body = {**(load(matriz, user_id)).as_json(), "role": "owner"}
    with pytest.raises(Invalid):
        norte.do(lambda tx: users.merge(tx, body))
    assert users.page(norte.connection, "", 10) == []


def test_a_username_exists_also_when_its_user_is_deactivated(apart: Apart) -> None:
    matriz, _ = apart
    change(matriz, create(matriz, "ana"), active=False)
    with pytest.raises(AlreadyExists):
        create(matriz, "ANA")


def test_what_is_not_there_cannot_be_changed(apart: Apart) -> None:
    matriz, _ = apart
    with pytest.raises(NotFound):
        change(matriz, "nobody", role="admin")


def meet_once(source: Branch, target: Branch, user_id: str) -> None:
    """Let the target hear of the user, so that what it does next is done in that knowledge."""
    assert deliver(source, target, user_id)

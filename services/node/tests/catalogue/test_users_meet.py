"""Users changed at two branches that were apart."""

from typing import Any

import pytest

from app.api.schemas import users as schemas
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
    return str(branch.do(lambda tx: users.create(tx, user, actor=ROOT)).id)


def change(branch: Branch, user_id: str, **wanted: Any) -> User:
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
    met = meet(apart, admin.id)
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
    assert [entry.before and entry.before["username"] for entry in kept] == ["ana"]


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
    assert change(matriz, first, role="operador").role == "operador"


def test_no_audit_entry_and_no_view_holds_a_password_hash(apart: Apart) -> None:
    matriz, norte = apart
    user_id = create(matriz, "ana", password=HASHES[0])
    create(norte, "ana", password=HASHES[1])
    meet(apart, user_id)
    entries = audit.page(matriz.connection, AuditFilter(), before=None, limit=100)
    views = [schemas.User.model_validate(user) for user in users.page(matriz.connection, "", 10)]
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


def all_meet(apart: Apart, *user_ids: str) -> None:
    """Exchange users both ways; both branches must then have the same rows."""
    for source, target in (apart, apart[::-1]):
        for user_id in user_ids:
            if users.find(source.connection, user_id) is not None:
                deliver(source, target, user_id)
    one, other = apart
    assert one.digest() == other.digest()


def reset(branch: Branch, name: str) -> User:
    return branch.do(lambda tx: users.reset_admin(tx, name, HASHES[1], actor=ROOT))


def acting(branch: Branch, *user_ids: str) -> list[str]:
    """The administrators among these users who can act at a branch."""
    found = [users.acting(branch.connection, user_id) for user_id in user_ids]
    return [user.username for user in found if user is not None and user.active_admin]


def test_of_two_admins_who_deactivate_each_other_the_last_one_acts_at_both_branches(apart: Apart) -> None:
    matriz, norte = apart
    ana, bruno = (create(matriz, name, role="admin") for name in ("ana", "bruno"))
    deliver(matriz, norte, ana)
    deliver(matriz, norte, bruno)
    change(matriz, ana, active=False)
    carla = create(norte, "carla")
    change(norte, bruno, active=False)
    all_meet(apart, ana, bruno, carla)
    assert acting(matriz, ana, bruno) == acting(norte, ana, bruno) == ["bruno"]
    assert [user.active for user in users.page(matriz.connection, "", 10)].count(True) == 2
    change(matriz, bruno, active=True)
    change(matriz, ana, active=True)
    all_meet(apart, ana, bruno)
    assert acting(norte, ana, bruno) == ["ana", "bruno"]


def test_of_two_admins_who_take_each_others_role_one_acts(apart: Apart) -> None:
    matriz, norte = apart
    ana, bruno = (create(matriz, name, role="admin") for name in ("ana", "bruno"))
    carla = create(matriz, "carla")
    for user in (ana, bruno, carla):
        deliver(matriz, norte, user)
    change(matriz, carla, active=False)
    change(matriz, carla, active=True)
    change(matriz, ana, role="operador")
    change(norte, bruno, role="operador")
    all_meet(apart, ana, bruno, carla)
    assert acting(matriz, ana, bruno, carla) == acting(norte, ana, bruno, carla) == ["ana"]


def test_an_admin_who_left_long_ago_does_not_come_back(apart: Apart) -> None:
    matriz, norte = apart
    ana, bruno, gone = (create(matriz, name, role="admin") for name in ("ana", "bruno", "gone"))
    change(matriz, gone, active=False)
    for user in (ana, bruno, gone):
        deliver(matriz, norte, user)
    change(norte, bruno, active=False)
    change(matriz, ana, active=False)
    for _ in range(5):
        change(matriz, gone, active=False)
    change(matriz, gone, role="operador")
    all_meet(apart, ana, bruno, gone)
    assert acting(matriz, ana, bruno, gone) == acting(norte, ana, bruno, gone) == ["ana"]


def test_a_reset_makes_an_active_admin_with_the_new_password_of_whoever_has_the_name(apart: Apart) -> None:
    matriz, _ = apart
    ana = create(matriz, "ana", role="admin")
    bruno = create(matriz, "bruno")
    change(matriz, bruno, active=False)
    for name in ("Bruno", "carla"):
        found = reset(matriz, name)
        assert (found.id == bruno) == (name == "Bruno")
        assert (found.active_admin, found.password_hash) == (True, HASHES[1])
        assert load(matriz, found.id) == found
    assert acting(matriz, ana, bruno) == ["ana", "bruno"]
    assert matriz.event_kinds()[-2:] == ["user_upserted", "user_upserted"]

"""Whatever administrators do to each other at branches that are apart, one can act after the merge."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import identity
from app.domain.errors import LastAdmin
from app.domain.user import ROLES
from app.state.tables import users
from app.state.tables.users import NewUser, UserChange
from tests.support.branch import ACTOR, CLUSTER, Branch

MakeBranches = Callable[[], Sequence[Branch]]

EXAMPLES = 200
BRANCHES = 3
ADMINS = ("ana", "bruno")
NAMES = (*ADMINS, "carla")
IDS = {name: identity.user_id(CLUSTER, name) for name in NAMES}
HASH = f"$2b$04${'a' * 53}"

PLACES = st.integers(0, BRANCHES - 1)
SENDING = st.tuples(PLACES, PLACES, st.sampled_from(NAMES))
CHANGE = st.tuples(
    PLACES,
    st.sampled_from(NAMES),
    st.builds(UserChange, role=st.none() | st.sampled_from(ROLES), active=st.none() | st.booleans()),
)
MEETINGS = st.permutations([(*pair, name) for pair in permutations(range(BRANCHES), 2) for name in NAMES])


def send(source: Branch, target: Branch, name: str) -> None:
    row = users.snapshot(source.connection, IDS[name])
    assert row is not None
    target.do(lambda tx: users.merge(tx, row))


def create(branch: Branch, name: str) -> None:
    new = NewUser(name, "admin" if name in ADMINS else "operador", HASH)
    branch.do(lambda tx: users.create(tx, new, actor=ACTOR))


def change(branch: Branch, name: str, wanted: UserChange) -> None:
    with suppress(LastAdmin):
        branch.do(lambda tx: users.change(tx, IDS[name], wanted, actor=ACTOR))


def acting(branch: Branch) -> list[str]:
    """The administrators who can act at a branch."""
    found = [users.acting(branch.connection, user_id) for user_id in IDS.values()]
    return [user.username for user in found if user is not None and user.active_admin]


@pytest.mark.whole
@given(steps=st.lists(SENDING | CHANGE, max_size=25), meetings=st.tuples(MEETINGS, MEETINGS))
@settings(max_examples=EXAMPLES)
def test_the_same_administrators_are_left_at_all_branches_and_there_is_one(
    make_branches: MakeBranches,
    steps: list[tuple[int, int, str] | tuple[int, str, UserChange]],
    meetings: tuple[list[tuple[int, int, str]], ...],
) -> None:
    branches = list(make_branches())[:BRANCHES]
    for name in NAMES:
        create(branches[0], name)
        for other in branches[1:]:
            send(branches[0], other, name)
    for step in steps:
        match step:
            case (int() as source, int() as target, str() as name):
                send(branches[source], branches[target], name)
            case (int() as place, str() as name, UserChange() as wanted):
                change(branches[place], name, wanted)
        assert all(acting(branch) for branch in branches)
    for source, target, name in (meeting for order in meetings for meeting in order):
        send(branches[source], branches[target], name)
    assert len({branch.digest() for branch in branches}) == 1
    assert len({tuple(acting(branch)) for branch in branches}) == 1

"""Who acts as administrator when no user is an active one. Pure.

A node never removes the last active administrator that it has. But administrators at two sides of a cut can
deactivate each other, or take each other's role, and both changes count after the merge. Then one of them
acts as administrator all the same. That is read from the merged users and never written. So every node with
the same users has the same one, in whatever order the changes arrived.
"""

from collections.abc import Iterable

from app.domain.user import User


def stand_in(users: Iterable[User]) -> User | None:
    """The user who acts as administrator because nobody is an active one. None where somebody is, or where
    nobody ever was.

    It is the last one removed, in logical time: no change that this one was known to had left the network
    without an administrator. A user who was removed earlier, as one who left the company, is none.
    """
    were: list[User] = []
    for user in users:
        if user.active_admin:
            return None
        if user.was_admin:
            were.append(user)
    return max(were, key=_removed_at, default=None)


def _removed_at(user: User) -> tuple[int, int, str]:
    # Versions before the field did not say when: their deactivations do. Equal times: the id decides.
    return user.admin_until, max(user.activity.deactivations.values(), default=0), user.id

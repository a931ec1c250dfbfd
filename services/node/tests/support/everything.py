"""A branch that has a row of every relation, and an event of every kind."""

from app.state.tables import users
from tests.support.branch import ACTOR, Branch, Branches

HASH = f"$2b$04${'a' * 53}"


def one_of_everything(branches: Branches, *, share_with: Branch | None = None) -> Branch:
    """Matriz, which has one of everything; with `share_with` it granted that branch half of its units."""
    made = branches.make("matriz")
    made.customer("ALFKI")
    made.product("rice")
    if share_with is None:
        made.adjust("rice", 10)
    else:
        made.adjust("rice", 10, share="equal", peers=[share_with.life])
    user = users.NewUser(username="ana", role="operador", password_hash=HASH)
    made.do(lambda tx: users.create(tx, user, actor=ACTOR))
    made.cancel(made.place("ALFKI", ("rice", 2), key="k"))
    made.place("ALFKI", ("rice", 1))
    return made

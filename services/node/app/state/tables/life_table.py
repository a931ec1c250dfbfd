"""The lives of all branches: which are known, and which are over."""

import sqlite3
from collections.abc import Iterable

from app.database import Transaction
from app.domain import testimony
from app.domain.errors import BeyondBounds
from app.domain.life import Life
from app.domain.testimony import Word

LIVING_CURSORS = (
    "(SELECT c.* FROM cursors c LEFT JOIN epochs e ON e.branch = c.peer AND e.epoch = c.peer_epoch"
    " WHERE COALESCE(e.dead, 0) = 0)"
)
"""SQL: the cursors of lives not known to be over. What a dead life stored does not count as stored."""

_TO_TELL = """
    SELECT e.branch, e.epoch FROM epochs e LEFT JOIN hearsay_deaths h USING (branch, epoch)
    WHERE e.dead = 1 AND (h.branch IS NULL OR e.branch = (SELECT name FROM node)
        OR e.branch IN (SELECT branch FROM decommissioned))
    ORDER BY e.branch, e.epoch
"""
_GRANTED_TO = "SELECT DISTINCT to_branch, to_epoch FROM stock_grants WHERE to_branch = ? ORDER BY to_epoch"


def dead_lives(connection: sqlite3.Connection) -> set[Life]:
    """Every life known to be over."""
    return {Life(*row) for row in connection.execute("SELECT branch, epoch FROM epochs WHERE dead = 1")}


def deaths_to_tell(connection: sqlite3.Connection) -> list[Life]:
    """The lives that this node calls dead, sorted: those of its own branch and of decommissioned ones, and
    those whose branch said so or that it saw end. What only others say of a member's lives is not handed
    on."""
    return [Life(*row) for row in connection.execute(_TO_TELL)]


def living_epochs(connection: sqlite3.Connection, branch: str) -> list[str]:
    """A branch's epochs that are not known to be over."""
    rows = connection.execute(
        "SELECT epoch FROM epochs WHERE branch = ? AND dead = 0 ORDER BY epoch", (branch,)
    )
    return [row[0] for row in rows]


def all_living(connection: sqlite3.Connection) -> set[Life]:
    """Every known life that is not known to be over."""
    return {Life(*row) for row in connection.execute("SELECT branch, epoch FROM epochs WHERE dead = 0")}


def living(connection: sqlite3.Connection, lives: Iterable[Life]) -> list[Life]:
    """Those of `lives` that are not known to be over. Rights given to a dead life would be of no use."""
    dead = dead_lives(connection)
    return [life for life in lives if life not in dead]


def me(tx: Transaction) -> Life:
    """This node's own life, whose cells this transaction may write."""
    return Life(tx.identity.name, tx.identity.epoch)


def speaker(tx: Transaction) -> Life | None:
    """The life whose words this command merges, or None for this node's own."""
    return None if tx.speaker is None else Life(*tx.speaker)


def learn_life(tx: Transaction, life: Life, *, dead: bool = False) -> None:
    """Store a life. Every other life of this node's own branch is over, and stays so. That one is `dead`, or
    of a decommissioned branch, by the word of others only, is noted with it.

    Where a branch has as many lives as bounds.py allows, another one is not stored by the word of others, and
    raises BeyondBounds by its own.
    """
    over = dead or (life.branch == tx.identity.name and life.epoch != tx.identity.epoch)
    is_new, own_word = life not in tx.lives, _is_own_word(tx, life)
    if is_new and not _has_room(tx, life, dead=dead):
        if own_word:
            raise BeyondBounds("epoch", "too_many_lives")
        return
    tx.learn_life(life, over=over)
    if is_new and not own_word and _counts_as_death(tx, life, dead=dead):
        tx.note_hearsay(life)


def word_on(tx: Transaction, life: Life) -> Word:
    """What the rows of a life are worth that this command merges."""
    heard = speaker(tx)
    if heard is None or heard == life:
        return Word.OWN
    present = life == me(tx)
    return testimony.weigh_rows(
        life,
        heard,
        is_over=not present and (life.branch == tx.identity.name or is_over(tx, life)),
        stands_in=not present and tx.stands_in(life.branch),
    )


def _is_own_word(tx: Transaction, life: Life) -> bool:
    heard = tx.speaker
    return heard is None or heard[0] == life.branch


def _counts_as_death(tx: Transaction, life: Life, *, dead: bool) -> bool:
    return dead or life.branch in tx.decommissioned


def _has_room(tx: Transaction, life: Life, *, dead: bool = False) -> bool:
    return testimony.may_store_life(
        known_of_branch=tx.lives_of(life.branch),
        over_by_hearsay=tx.hearsay_of(life.branch),
        is_death=_counts_as_death(tx, life, dead=dead),
        known=len(tx.lives),
        by_own_word=_is_own_word(tx, life),
    )


def end(tx: Transaction, life: Life) -> None:
    """Store that a life is over, because this node itself saw it contradict itself, or it is this node's
    own."""
    tx.learn_life(life, over=True)
    tx.drop_hearsay(life)


def learn_granted(tx: Transaction, lives: Iterable[Life]) -> None:
    """Store those lives, known only because units were granted to them, whose end this node knows without a
    word of theirs: those of its own branch and of decommissioned ones. Nobody else may ever name them here,
    and what they were granted belongs to the frozen pool."""
    for life in lives:
        ends = life.branch == tx.identity.name or life.branch in tx.decommissioned
        if ends and (life in tx.lives or _has_room(tx, life)):
            learn_life(tx, life)


def granted_to(connection: sqlite3.Connection, branch: str) -> list[Life]:
    """The lives of a branch that were granted units, sorted."""
    return [Life(*row) for row in connection.execute(_GRANTED_TO, (branch,))]


def is_over(tx: Transaction, life: Life) -> bool:
    """Whether a life is known to be over. Every life of a decommissioned branch is, even one never heard
    of."""
    known = tx.lives.get(life)
    return life.branch in tx.decommissioned if known is None else known


def over(tx: Transaction, lives: Iterable[Life]) -> set[Life]:
    """Those of these lives that are known to be over. A node knows it of all lives of a decommissioned
    branch, also where it has no room to store one."""
    return {life for life in lives if is_over(tx, life)}


def learn_deaths(tx: Transaction, told: Iterable[Life], *, by: Life) -> None:
    """Store lives that a peer's life (`by`) reports as dead, except this node's own present life. Other code
    decides whether that is over, and what follows.

    A life that is stored as living is ended by its own branch only. One that is not known here is dead until
    its own hello says otherwise (`believe_living`).
    """
    with tx.hearing(by):
        for life in told:
            if life == me(tx) or (tx.lives.get(life) and not _is_own_word(tx, life)):
                continue
            match testimony.weigh_death(life, by, is_known=life in tx.lives):
                case Word.REFUSED:
                    continue
                case Word.HEARSAY:
                    learn_life(tx, life, dead=True)
                case _:
                    learn_life(tx, life, dead=True)
                    tx.drop_hearsay(life)


def believe_living(tx: Transaction, life: Life) -> None:
    """Take back that a life is over, if only others had said so. Call it when the life itself said hello."""
    if tx.lives.get(life) and tx.drop_hearsay(life) and life.branch not in tx.decommissioned:
        tx.revive(life)

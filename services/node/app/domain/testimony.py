"""Who may say what about a life: nobody speaks for another. Pure.

A member may lie or err about itself; nobody can tell. What it says of others is a different matter, since
those can be asked. These rules weigh each word by who says it (`speaker`, None for this node's own file).
"""

from collections.abc import Collection
from enum import Enum, auto

from app.domain import bounds, identity
from app.domain.life import Life


class Word(Enum):
    """What a word about a life is worth.

    - OWN: the life itself says it. It is stored, replaces hearsay, and what it grants may be spent.
    - BRANCH: another life of the same branch says it.
    - HEARSAY: another branch says it, and nobody better can be asked. It is stored, and what it grants is not
      spent.
    - REFUSED: another branch says it of a life that speaks for itself. It changes nothing.
    """

    OWN = auto()
    BRANCH = auto()
    HEARSAY = auto()
    REFUSED = auto()


def weigh_rows(life: Life, speaker: Life | None, *, is_over: bool, stands_in: bool) -> Word:
    """What rows of `life` are worth. `is_over` says that the life is dead: then everybody may hand its rows
    on. `stands_in` says that this node rebuilds and cannot reach the life's branch, so that a donor's word is
    all there is."""
    if speaker is None or speaker == life:
        return Word.OWN
    if speaker.branch == life.branch:
        return Word.BRANCH
    return Word.HEARSAY if is_over or stands_in else Word.REFUSED


def may_tell_order(word: Word, *, is_changed: bool, has_all_lives: bool) -> bool:
    """Whether an order of such worth is taken. A later life may have changed it, whose stock row, told by
    others, is not. So a changed order is taken only where the rows of all its branch's lives are
    (`has_all_lives`)."""
    if word is Word.HEARSAY:
        return has_all_lives or not is_changed
    return word is not Word.REFUSED


def replaces_order(speaker: Life | None, *, branch: str, donor: str) -> bool:
    """Whether what `speaker` says of an order of `branch` replaces what is stored of it, where the two
    contradict each other. That is so for its branch's own word, if another branch (`donor`) told the stored
    one. Between two words of the branch itself nobody can decide."""
    return speaker is not None and speaker.branch == branch and donor not in ("", branch)


def takes_id(speaker: Life | None, *, order_id: str, stored_of: str, told_of: str) -> bool:
    """Whether an order that `speaker` tells of the branch `told_of` replaces one of the branch `stored_of`
    that is stored under the same id. The id's mark tells whose it is, and its branch's own word counts."""
    return (
        speaker is not None
        and speaker.branch == told_of
        and identity.is_order_id_of(told_of, order_id)
        and not identity.is_order_id_of(stored_of, order_id)
    )


def weigh_death(life: Life, speaker: Life, *, is_known: bool) -> Word:
    """What it is worth that `speaker` says `life` is over. `is_known` says that the life is stored here as
    living: then only its branch ends it."""
    if speaker.branch == life.branch:
        return Word.OWN if speaker == life else Word.BRANCH
    return Word.REFUSED if is_known else Word.HEARSAY


def may_store_life(
    *, known_of_branch: int, over_by_hearsay: int, is_death: bool, known: int, by_own_word: bool
) -> bool:
    """Whether one more life of a branch is stored, where `known_of_branch` are, and `known` of all branches.
    Of the branch's, so many are over by the word of others only (`over_by_hearsay`).

    A branch and the others have room of their own for deaths, and neither can use up the other's. What it
    named here itself must not keep out what honest members know of it: they would lack those rows for good.
    """
    if by_own_word:
        return known_of_branch - over_by_hearsay < bounds.MOST_LIVES_OF_BRANCH
    if known >= bounds.MOST_LIVES:
        return False
    if not is_death:
        return known_of_branch < bounds.MOST_LIVES_BY_HEARSAY
    most = bounds.MOST_LIVES_OF_BRANCH + bounds.MOST_LIVES_BY_HEARSAY
    return over_by_hearsay < bounds.MOST_LIVES_BY_HEARSAY and known_of_branch < most


def unconfirmed_units(granted: int, confirmed: int | None) -> int:
    """Units of a grant that must not be spent: those that its giver itself has not said here. `confirmed` is
    None where the whole row is its own word."""
    return 0 if confirmed is None else max(granted - confirmed, 0)


def unbelieved(told: Collection[Life], believed: Collection[Life]) -> list[Life]:
    """The lives that a member calls dead and this node does not, sorted."""
    return sorted(life for life in told if life not in believed)

"""What was observed, in words: `outage.pending.matriz.filial-sul` is what waits on that link after a step."""

from branchlab.language import Language, tables

_ALIKE = tables(
    {
        "ok": "orders confirmed (201) ## what was seen",
        "409": "orders refused (409) ## what was seen",
        "other": "other answers ## what was seen",
        "share_ok": "orders confirmed, in % ## what was seen",
        "sold": "units sold ## what was seen",
        "oversold": "units oversold ## what was seen",
        "short": "orders to apologise for ## what was seen",
        "digests": "digests (1: all alike) ## what was seen",
        "digest": "digest ## what was seen",
        "parked": "events parked ## what was seen",
        "seconds": "seconds ## what was seen",
        "ms": "milliseconds ## what was seen",
        "same_order": "the same order again (1: yes) ## what was seen",
        "at_risk": "orders that only it had ## what was seen",
        "lost": "orders lost ## what was seen",
        "200": "answers 200 ## what was seen",
        "401": "answers 401 ## what was seen",
        "no_token": "no token: answer ## what was seen",
        "cashier": "cashier makes a user: answer ## what was seen",
        "user_at_replica": "JWT at /replica/event: answer ## what was seen",
        "false_replica": "false replica token: answer ## what was seen",
        "price": "price in cents ## what was seen",
        "by_clock": "price in cents by a wall clock ## what was seen",
        "status": "answer to the token ## what was seen",
    }
)
_OF_NODES = tables(
    {
        "pending": "pending {0}→{1} ## what was seen",
        "available": "units that {0} sees ## what was seen",
        "here": "units that {0} may sell without asking ## what was seen",
        "orders": "orders at {0} ## what was seen",
    }
)


def fact_words(fact: str, language: Language) -> str:
    """What a fact `STEP.NAME[.NODE…]` is about, without its step; a name without words stands for itself."""
    _, _, name = fact.partition(".")
    head, *nodes = name.split(".")
    if nodes and head in _OF_NODES[language]:
        return _OF_NODES[language][head].format(*(node.removeprefix("filial-") for node in nodes))
    return _ALIKE[language].get(name, name)


def known_facts() -> frozenset[str]:
    """The names that have words."""
    return frozenset([*_ALIKE["en"], *_OF_NODES["en"]])

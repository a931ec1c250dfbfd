"""When two spellings are one sku or customer code. The lab has its own copy of the nodes' rule, since it sees
nodes over HTTP only. Both copies are tested with `tests/vectors/keys.json`."""

import unicodedata


def same_key(key: str) -> str:
    """The form in which all spellings of one sku or customer code are equal, as nodes compare them."""
    # Casefolding can undo NFKC, for U+0390 and 25 more, hence the second round.
    for _ in range(2):
        key = unicodedata.normalize("NFKC", key).strip().casefold()
    return unicodedata.normalize("NFKC", key).strip()

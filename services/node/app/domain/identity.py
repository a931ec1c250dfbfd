"""Ids that need no agreement. Pure.

The id of a product, customer or user follows from its key, so that two creations of the same key on both
sides of a partition are one row when the sides meet. An order's id is drawn: two orders are never one. It is
marked with its branch, so that it can be told whose order it is.
"""

import hashlib
import unicodedata
from functools import lru_cache
from uuid import UUID, uuid5

UUID7_RANDOM_BYTES = 10
_MARK_BITS = 32


def product_id(cluster_id: str, sku: str) -> str:
    """The id that every node of the network gives to this sku."""
    return _entity_id(cluster_id, "product", sku)


def customer_id(cluster_id: str, code: str) -> str:
    """The id that every node of the network gives to this customer code."""
    return _entity_id(cluster_id, "customer", code)


def user_id(cluster_id: str, username: str) -> str:
    """The id that every node of the network gives to this username."""
    return _entity_id(cluster_id, "user", username)


def looks_like_an_id(key: str) -> bool:
    """Whether a spelling of this key is a UUID as ids are written."""
    found = normalised(key)
    try:
        return str(UUID(found)) == found
    except ValueError:
        return False


def normalised(key: str) -> str:
    """What all spellings of one key have in common, without case, outer spaces and width."""
    # Casefolding can undo NFKC and the reverse (U+0345 is the known case), hence the second round.
    for _ in range(2):
        key = unicodedata.normalize("NFKC", key).strip().casefold()
    return unicodedata.normalize("NFKC", key).strip()


def uuid7(seconds: float, random_bytes: bytes) -> str:
    """A UUIDv7 (RFC 9562): ids made later sort later, to the millisecond of wall time.

    `random_bytes` are 10 bytes from the injected random; 74 of their bits are used.
    """
    return _written(_uuid7(seconds, random_bytes))


def _uuid7(seconds: float, random_bytes: bytes) -> int:
    assert len(random_bytes) == UUID7_RANDOM_BYTES, "a UUIDv7 takes 10 random bytes"
    milliseconds = min(max(int(seconds * 1000), 0), (1 << 48) - 1)
    drawn = int.from_bytes(random_bytes, "big")
    a, b = (drawn >> 62) & 0xFFF, drawn & ((1 << 62) - 1)
    return milliseconds << 80 | 0x7 << 76 | a << 64 | 0b10 << 62 | b


def _written(number: int) -> str:
    """A UUID's number as UUIDs are written. By `UUID` itself it takes five times as long."""
    return _hyphened(f"{number:032x}")


def _hyphened(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def order_id(seconds: float, random_bytes: bytes, *, branch: str) -> str:
    """A new order's id: a UUIDv7 whose last 32 bits follow from its branch and the bits before them.

    Another branch that says an order of its own under this id is found out (`is_order_id_of`).
    """
    return _hyphened(_marked(f"{_uuid7(seconds, random_bytes) >> _MARK_BITS:024x}", branch))


def is_order_id_of(branch: str, order_id: str) -> bool:
    """Whether an id carries a branch's mark. Of an id that was drawn without one, by an earlier version, that
    is false for every branch."""
    try:
        digits = f"{UUID(order_id).int:032x}"
    except ValueError:
        return False
    return digits == _marked(digits[: -_MARK_BITS // 4], branch)


def _marked(drawn: str, branch: str) -> str:
    """The digits of an order's id: those drawn, and those that follow from them and its branch."""
    return drawn + hashlib.sha256(f"order:{drawn}:{branch}".encode()).hexdigest()[: _MARK_BITS // 4]


@lru_cache(maxsize=10_000)  # orders name the same products and customers again and again
def _entity_id(cluster_id: str, kind: str, key: str) -> str:
    return str(uuid5(UUID(cluster_id), f"{kind}:{normalised(key)}"))

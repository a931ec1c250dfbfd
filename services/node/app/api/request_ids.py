"""The id of a request: the client's own X-Request-Id, or a drawn one."""

import re
from random import Random

_USABLE = re.compile(r"[\x21-\x7e]{1,128}")


def request_id_of(given: str, *, random: Random) -> str:
    """The id that a client gave its request, if it is printable ASCII of a bounded length; else a drawn
    one."""
    return given if _USABLE.fullmatch(given) else random.randbytes(16).hex()

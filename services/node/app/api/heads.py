"""What follows from a request's head alone. Clients repeat their heads to the byte, so it is found once for
all requests with one head, where the server says that they have it."""

from collections.abc import Mapping

from app.api.at_once import AtOnce
from app.domain.values import value

HEAD = "head"
"""Where a request's state has a place for what follows from its head, if the server gave it one: the same
place for all requests whose heads are the same."""


@value(frozen=True, slots=True)
class Head:
    """What a layer found out about a head. `sent` has the first value of each header. `fault` is the problem
    with how the request is framed, `wrong_type` the media type that a body should have had; None is well.
    `at_once` answers the request at once, if anything does."""

    sent: Mapping[bytes, bytes]
    fault: str | None
    has_known_host: bool
    takes_body: bool
    wrong_type: str | None
    at_once: AtOnce | None

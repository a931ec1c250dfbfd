"""What was found out about tokens lately: a request with a known token costs neither a signature nor a look
at the database."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from app.domain.user import User
from app.security.client_tokens import Claims, ReadToken

MOST_VERDICTS = 10_000
MOST_SECONDS = 5.0
"""How long a verdict holds at most. A row that is altered without this process's writer, as by a bad disk,
is met after that time. Whatever the writer does ends verdicts at once."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A good token, and the user as they may act. `round` is that of `TokenVerdicts` in which the user was
    read; after `until` (monotonic) they are read again."""

    token: ReadToken
    user: User
    round: int
    until: float

    @property
    def claims(self) -> Claims:
        return self.token.claims


class TokenVerdicts:
    """The verdicts on good tokens, by the SHA-256 of the token. Used on the event loop only.

    - Only good tokens have one: signed under a secret of this process, by a user who may act. Secrets never
      change while a process runs, so a rotation ends all verdicts.
    - It holds while the token is valid by the wall clock, which is looked at each time.
    - `forget` ends all of them. It is called on every commit that wrote a user: a role, a password or an
      activity, changed here, by a peer's event or by a repair. That is before the change is acknowledged to
      anybody, since callbacks of a commit run before its callers go on.
    - A user that was read before such a commit is not kept after it: `keep` compares rounds.
    - At most `most` are kept: the one used longest ago goes.
    """

    def __init__(self, *, most: int = MOST_VERDICTS) -> None:
        self._most = most
        self._known: OrderedDict[bytes, Verdict] = OrderedDict()
        self._round = 0

    def __len__(self) -> int:
        return len(self._known)

    @property
    def round(self) -> int:
        """How often all verdicts were forgotten. Take it before the user is read."""
        return self._round

    def find(self, token: str, *, wall: float, now: float) -> Verdict | None:
        """The verdict on a token that is valid at `wall`, or None. `now` is monotonic."""
        name = _name(token)
        found = self._known.get(name)
        if found is None:
            return None
        if not found.token.validity.covers(wall) or now >= found.until:
            del self._known[name]
            return None
        self._known.move_to_end(name)
        return found

    def holds(self, verdict: Verdict) -> bool:
        """Whether no user was written since the verdict was made."""
        return verdict.round == self._round

    def keep(self, token: str, read: ReadToken, user: User, *, since: int, now: float) -> None:
        """Keep that a token is good for `user`, who was read in the round `since`."""
        if since != self._round:
            return
        self._known[_name(token)] = Verdict(read, user, since, now + MOST_SECONDS)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def forget(self) -> None:
        """End every verdict."""
        self._round += 1
        self._known.clear()


def _name(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()

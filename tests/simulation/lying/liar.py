"""A member that lies: a real node of the network, whose messages say something else when they leave.

It has the secret of all nodes, and signs as itself. Nothing that it says of another branch, or of a life that
it does not live, may bring an honest branch to sell a unit that is not there, to lose an acknowledged order,
or to stop for good. What it says of its own stock is in its power (tests.simulation.watching.claims).
"""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from app.security.replica_tokens import ReplicaTokens
from app.sync.peering.transport import Response
from tests.simulation.journal import Journal
from tests.simulation.lying import lies, receipts
from tests.simulation.lying.heard import Heard
from tests.simulation.lying.telling import EVENT, SNAPSHOT, Telling
from tests.simulation.plan import Plan
from tests.support.network import REPLICA_SECRET

MOST_KEPT = 200
"""Messages that a liar keeps to send them again."""


@dataclass(frozen=True)
class Sent:
    """A message that the liar sent, with the headers it had."""

    to: str
    path: str
    body: bytes
    headers: Mapping[str, str]


class Liar:
    """Changes what the liar's node sends and answers (implements tests.simulation.machines.network.Speaker).
    It begins to lie when `lies` is set."""

    def __init__(self, plan: Plan, journal: Journal) -> None:
        assert plan.liar is not None, "one of the nodes lies"
        self.name = plan.liar
        self.heard = Heard(self.name)
        self.kept: deque[Sent] = deque(maxlen=MOST_KEPT)
        self.lies = False
        self._plan = plan
        self._journal = journal
        self._random: Random = plan.random("lies")
        self._tokens = ReplicaTokens(name=self.name, secret=REPLICA_SECRET)

    def hears(self, sender: str, message: bytes) -> None:
        """Learn from a message, which came to the liar or to its own node."""
        self.heard.read(sender, message)

    def says(self, receiver: str, path: str, body: bytes) -> bytes | None:
        """What leaves instead of a request of its node; None where nothing does."""
        self.hears(self.name, body)
        kind = self._kind()
        if kind == "withhold" and path == EVENT:
            self.note(kind, receiver, path, "no events")
            return None
        return self.changed(kind, self.telling(path, receiver, body, answer=False)) or body

    def swallows(self, sender: str, path: str, body: bytes) -> Response | None:
        """The answer to a request that its node never gets; None where the node gets it."""
        self.hears(sender, body)
        kind = self._kind()
        batch = _object(body) if path == EVENT else {}
        if kind == "withhold" and {"to_epoch", "through"} <= batch.keys():
            self.note(kind, sender, path, f"stored up to {batch['through']['seq']}, and nothing is")
            receipt = {"epoch": batch["to_epoch"], "position": batch["through"], "parked": 0}
            return Response(200, json.dumps({**receipt, "parked_seqs": []}).encode())
        if kind == "forge_refusals":
            said, answer = receipts.refusal(self.telling(path, sender, b"{}", answer=True))
            self.note(kind, sender, path, said)
            return answer
        return None

    def replies(self, receiver: str, path: str, answer: bytes) -> bytes:
        """What is answered instead of its node's answer, which was 200."""
        self.hears(self.name, answer)
        return self.changed(self._kind(), self.telling(path, receiver, answer, answer=True)) or answer

    def marked(self, answer: Response, token: str) -> Response:
        """The answer with the mark of a member, for the request that came with `token`."""
        mark = self._tokens.mark(token, status=answer.status, body=answer.body)
        return Response(answer.status, answer.body, mark)

    def keep(self, to: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Keep a message that leaves, to send it again."""
        self.kept.append(Sent(to, path, body, headers))

    def _kind(self) -> str | None:
        """The kind of the next lie, or None where the message is left as it is."""
        if not self.lies or self._random.random() < self._plan.candour:
            return None
        return self._random.choice(self._plan.lies)

    def telling(self, path: str, to: str, body: bytes, *, answer: bool) -> Telling:
        """A message of the liar that is about to leave."""
        return Telling(path, answer, to, json.loads(body), self.heard, self._random)

    def changed(self, kind: str | None, telling: Telling) -> bytes | None:
        """The message with a lie of this kind; None where none fits."""
        said = None if kind is None else lies.tell(kind, telling)
        if kind is None or said is None:
            return None
        if telling.path == SNAPSHOT and telling.answer:
            receipts.seal_page(telling.body)
        self.note(kind, telling.to, telling.path, said)
        return json.dumps(telling.body).encode()

    def note(self, kind: str, to: str, path: str, words: str) -> None:
        """Write a lie into the journal, as every lie is."""
        self._journal.fault(kind, self.name, "->", to, path, words)


def _object(body: bytes) -> dict[str, Any]:
    """A message that came, which may have been damaged on its way."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

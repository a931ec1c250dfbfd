"""The cuts of the log that were read last, for the other peers that stand at the same place."""

from dataclasses import dataclass, replace

from app.sync.rules.batch_size import BatchSize
from app.sync.wire.messages import Span

_KEPT = 2  # one that is on its way, and the one behind it


@dataclass(frozen=True)
class Cut:
    """What a batch is sent of, and whether the log has more behind it. `events` is the JSON of its events,
    with commas between them: it is made once, where they are read, however many peers get them. Nothing
    keeps the rows themselves, which to free costs more than to send."""

    span: Span
    events: bytes
    more: bool

    def encoded(self) -> bytes:
        """The body that says the batch (app.sync.wire.messages.Batch)."""
        envelope = self.span.model_dump_json().encode()
        return b'%b,"events":[%b]}' % (envelope[:-1], self.events)


class RecentCuts:
    """Peers that keep up with each other lack the same events, and reading those costs more than sending.

    A batch that was read for one peer is right for every other at the same place of the same epoch, later
    too: its bodies are of one instant, and what changed since has events of its own further on. Readers in
    several threads may share this.
    """

    def __init__(self) -> None:
        self._kept: tuple[tuple[BatchSize, Cut], ...] = ()

    def find(self, *, epoch: str, start: int, head: int, to_epoch: str, size: BatchSize) -> Cut | None:
        """The batch behind `start`, addressed to a peer's `to_epoch`. None where none was read, or only one
        that may be larger than the peer's `size`. `head` is where the log ends now."""
        for read_for, cut in self._kept:
            span = cut.span
            fits = read_for.events <= size.events and read_for.bytes <= size.bytes
            if fits and (span.epoch, span.after.seq) == (epoch, start):
                addressed = span.model_copy(update={"to_epoch": to_epoch})
                return replace(cut, span=addressed, more=span.through.seq < head)
        return None

    def keep(self, cut: Cut, *, size: BatchSize) -> None:
        """Keep a batch, which was read for this size, in place of the oldest."""
        self._kept = (*self._kept, (size, cut))[-_KEPT:]

"""The hello handler: sends this node's hellos, and acts on those of peers, sent first or in answer."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.errors import DeadEpoch, Decommissioned
from app.domain.life import Life
from app.state.tables import life_table, membership
from app.sync.catchup import anti_entropy, donor_state
from app.sync.catchup.catch_up import CatchUp
from app.sync.context import NodeContext
from app.sync.lifecycle import handshake
from app.sync.log.outbox import EMPTY_LOG
from app.sync.peering.client import Refusal
from app.sync.peering.peers import Peer, process_of
from app.sync.rules import hello_rules
from app.sync.rules.acknowledgement import Reported
from app.sync.rules.hello_rules import NoMember, Over
from app.sync.wire.errors import NO_COMMON_PROTOCOL, Incompatible
from app.sync.wire.messages import Hello

ASK_SECONDS = 1.0  # for the answer of a process that may be gone: its successor's own hello waits meanwhile
DIVERGED_AFTER = 3
"""How many hellos in a row with equal heads and unequal digests start a repair. One is not enough: a grant's
reply brings rows that are newer than the heads until the event arrives."""
APART_AFTER = 10
"""The same where heads differ, but only at lives that go on for neither. Such a life tells no more events.
Whoever lacks some has mostly fetched them by then."""


@dataclass
class Difference:
    """A digest unlike a peer's at heads that are equal, or that differ `apart` at lives which go on for
    neither: since when (monotonic), and for how many hellos in a row."""

    since: float
    apart: bool
    hellos: int = 0


class HelloHandler:
    """Makes hellos for this node and acts on the hellos of peers."""

    def __init__(self, context: NodeContext, *, this: handshake.Self, catch_up: CatchUp) -> None:
        self._database = context.database
        self._peers = context.peers
        self._link = context.link
        self._readiness = context.readiness
        self._alarms = context.alarms
        self._fencer = context.fencer
        self._clock = context.clock
        self._receiver_clock = context.receiver_clock
        self._this = this
        self._catch_up = catch_up
        self._differing: dict[str, Difference] = {}
        self._looking_into: set[str] = set()

    async def say(self, *, first: bool = False, ahead: Mapping[str, int] | None = None) -> Hello:
        """This node's hello as of now."""
        now = self._receiver_clock.now()
        hello = await self._database.read(
            lambda connection: handshake.say(connection, self._this, now=now, first=first, ahead=ahead or {})
        )
        if hello.founded or not self._database.has_set_aside:
            return hello
        return hello.model_copy(update={"has_set_aside": True})

    async def take_in(self, peer: Peer, hello: Hello, *, answers: str | None = None) -> Hello:
        """Store what a peer's hello reports, act on it, and return this node's hello for it. `answers` is the
        epoch of this node's hello that this one answers, or None.

        Raises Incompatible, DeadEpoch or Decommissioned, which the peer's state then shows.
        """
        try:
            self._agree(peer, hello)
        except Incompatible as error:
            if error.reason == NO_COMMON_PROTOCOL and answers is None:
                known = await self._require_right_to_sell(hello)
                raise Incompatible(error.reason, position=known.position, ahead=known.ahead) from error
            raise
        learned = await self._database.write(lambda tx: handshake.meet(tx, hello, answers=answers))
        if isinstance(learned, Over):
            if learned.contested:
                self._alarms.raise_(
                    "cloned", f"two processes claim to be {peer.name}: each ends the other's epoch"
                )
            raise DeadEpoch(hello.node, hello.epoch, living=learned.living)
        if isinstance(learned, NoMember):
            raise Decommissioned(hello.node)
        # Before anything else is waited for: a later hello must not be overtaken by what this one says.
        peer.epoch = hello.epoch
        peer.policy = hello.policy
        peer.schema = hello.schema_hash
        peer.canonical = hello.canonical
        # Beside an empty file lies one that served: nobody may take that for a network still to be founded.
        peer.founded = None if hello.has_set_aside and not hello.founded else hello.founded
        peer.heads = {key: head.seq for key, head in hello.heads.items()}
        peer.said_hello_at = self._clock.monotonic()
        peer.clock_offset = hello.now - self._clock.wall()
        if not peer.decommissioned:  # as it may be by now
            self._readiness.note_policy(peer.name, hello.policy)
        self._peers.heard(peer)
        ours = await self.say(ahead=learned.ahead)
        await self._compare(peer, hello, ours)
        if ours.parked_seqs and hello.digest == ours.digest:
            await self._forget_parked(donor_state.by_hello(hello))
        if learned.behind is not None:
            if answers is None:
                await self.look_into(peer, learned.epoch, learned.behind)
            else:
                await self._fencer.begin(learned.epoch, learned.behind, witness=peer.name)
            ours = await self.say(ahead=learned.ahead)
        await self._catch_up.consider(peer, hello)
        return ours

    async def look_into(self, peer: Peer, epoch: str, why: str) -> None:
        """Act on evidence (`why`) against this node's `epoch` in a message that a peer sent unasked.

        Whoever knows the secret can send one. So the peer is asked at its own address, and its answer counts.
        While it cannot be asked, the evidence counts: to stop for nothing costs less than to sell twice.
        """
        if peer.name in self._looking_into:
            return  # the answer to the first question decides
        self._looking_into.add(peer.name)
        try:
            mine = await self.say(first=True)
            theirs = await self._link.call(peer, "/replica/hello", mine, expect=Hello, patience=ASK_SECONDS)
            await self.take_in(peer, theirs, answers=mine.epoch)
            if self._database.identity.epoch == epoch:
                self._alarms.raise_("accused", f"without ground, in the name of {peer.name}: {why}")
        except (Incompatible, DeadEpoch, Decommissioned):
            pass  # the peer's own life counts no more, and so does its word
        except Refusal as refusal:
            rivals = refusal.answer.living
            said = f"{why}; asked, it says: {refusal}"
            await self._fencer.begin(epoch, said, witness=peer.name, rivals=rivals)
        finally:
            self._looking_into.discard(peer.name)

    async def has_outlived(self, peer: Peer, successor: Hello) -> bool:
        """Whether a process of a peer still runs although a later one of the same epoch says hello. It is
        asked at the peer's address; no answer counts as no."""
        if not peer.latest.is_before(process_of(successor)):
            return False
        try:
            found = await self._link.call(
                peer, "/replica/hello", await self.say(), expect=Hello, patience=ASK_SECONDS
            )
        except Refusal:
            return False
        return found.node == peer.name and process_of(successor).is_after(process_of(found))

    async def say_farewell(self, peer: Peer) -> bool:
        """Report to a decommissioned peer, if it runs, that it is no longer a member. Returns True when its
        answer shows that it has stored that.

        The peer may report that this branch is decommissioned instead; then this branch closes. Raises
        Refusal.
        """
        ours = await self.say()
        try:
            theirs = await self._link.call(peer, "/replica/hello", ours, expect=Hello, patience=ASK_SECONDS)
        except Refusal as refusal:
            if refusal.answer.code != "decommissioned":
                raise
            await self.note_own_end()
            return True
        await self._database.write(lambda tx: membership.learn(tx, theirs.decommissioned))
        return theirs.node == peer.name and peer.name in theirs.decommissioned

    async def note_own_end(self) -> None:
        """Store that this branch is decommissioned, as a peer has just reported. Readiness then closes it."""
        if not self._readiness.closed:
            name = self._database.identity.name
            await self._database.write(lambda tx: membership.learn(tx, [name]))

    async def heed(self, peer: Peer, refusal: Refusal, *, asked: str) -> None:
        """Act on what a peer's refusal of this node's hello, said in the epoch `asked`, says of this node:
        it is decommissioned, that epoch is over, or the peer has more of it than this disk."""
        answer = refusal.answer
        match answer.code:
            case "decommissioned":
                await self.note_own_end()
            case "stale_incarnation" | "dead_epoch":
                said = f"{peer.name} says: {refusal}"
                await self._fencer.begin(asked, said, witness=peer.name, rivals=answer.living)
            case "incompatible" if answer.position is not None:
                reported = Reported(asked, answer.position, answer.event_id)
                why = await self._database.write(
                    lambda tx: handshake.lacks(tx, peer.name, reported, answer.ahead)
                )
                if why is not None:
                    await self._fencer.begin(asked, why, witness=peer.name)

    async def end_cloned(self, peer: Peer, epoch: str) -> None:
        """Mark a peer's epoch as dead, because two processes run in it, on two copies of one disk. Either may
        spend its rights. Both receive it with the next hello, and an alarm shows it."""
        await self._database.write(lambda tx: life_table.end(tx, Life(peer.name, epoch)))
        self._alarms.raise_("cloned", f"two processes of {peer.name} live in one epoch, {epoch}")
        self._peers.hurry(peer.name)

    def _agree(self, peer: Peer, hello: Hello) -> None:
        """Settle the protocol version to use with a peer. Raises Incompatible where none is common.

        Such a peer is sent hellos only, until one of its hellos shows another version.
        """
        cluster_id = self._database.identity.cluster_id
        peer.protocol = None
        try:
            peer.protocol = handshake.check(hello, cluster_id=cluster_id, protocol=self._this.protocol)
        except Incompatible as error:
            peer.incompatible = error.reason
            peer.needs_hello = True
            raise
        peer.incompatible = None

    async def _require_right_to_sell(self, hello: Hello) -> handshake.Known:
        """Raise Decommissioned or DeadEpoch where a sender that shares no protocol version must not sell on.
        That cannot wait for an upgrade; and whether its disk went back, it can tell by what this returns."""
        verdict = await self._database.write(lambda tx: handshake.judge_unread(tx, hello))
        match verdict:
            case NoMember():
                raise Decommissioned(hello.node)
            case Over():
                raise DeadEpoch(hello.node, hello.epoch, living=verdict.living)
        return verdict

    async def _forget_parked(self, told: donor_state.DonorState) -> None:
        """Drop the parked events that a peer with the same rows has in them."""
        if await self._database.read(lambda connection: donor_state.has_applied_any(connection, told)):
            await self._database.write(lambda tx: donor_state.forget_applied(tx, told))

    async def _compare(self, peer: Peer, theirs: Hello, ours: Hello) -> None:
        # While a node rebuilds, rows come before the heads they belong to.
        settled = theirs.founded and ours.founded and _differ(theirs, ours)
        apart = hello_rules.unlike(ours.heads, theirs.heads) if settled else set()
        settled = settled and not apart & {ours.life, theirs.life}  # events are on their way
        if apart and settled:
            # A life that one of the two cannot store would keep them from ever being compared.
            settled = not apart & await self._database.read(life_table.all_living)
        if not settled:
            self._differing.pop(peer.name, None)
            return
        seen = self._differing.get(peer.name)
        if seen is None or seen.apart != bool(apart):
            seen = Difference(since=self._clock.monotonic(), apart=bool(apart))
            self._differing[peer.name] = seen
        seen.hellos += 1
        if apart and seen.hellos % APART_AFTER == 0:
            self._catch_up.want_repair(peer, "apart")
        elif not apart and seen.hellos % DIVERGED_AFTER == 0:
            ahead = self._may_run_ahead(peer, ours, since=seen.since)
            if not ahead:
                self._alarms.raise_("divergence", f"{peer.name} has the same heads but another digest")
            self._catch_up.want_repair(peer, "ahead" if ahead else "differs")

    def _may_run_ahead(self, peer: Peer, ours: Hello, *, since: float) -> bool:
        """Whether rows of a third node may be here, or at the peer, without their events, as a grant's reply
        brings them.

        That is excluded only if every other peer has reported since then that it has no event of its own that
        is not here.
        """
        return any(
            other.said_hello_at is None or other.said_hello_at < since or _has_more_of_its_own(other, ours)
            for other in self._peers
            if other is not peer
        )


def _has_more_of_its_own(peer: Peer, ours: Hello) -> bool:
    """Whether a peer has more events of its own life than this node."""
    if peer.life is None:
        return False
    known = ours.heads.get(peer.life.key, EMPTY_LOG)
    return peer.heads.get(peer.life.key, 0) > known.seq


def _differ(theirs: Hello, ours: Hello) -> bool:
    """Whether two nodes' rows differ. Digests made under different revisions are not compared."""
    alike = anti_entropy.alike(ours.canonical, theirs.canonical)
    if alike == ours.canonical.keys() and theirs.canonical.keys() <= alike:
        return theirs.digest != ours.digest
    if not theirs.canonical:
        return False  # an older node, which says one digest only
    return any(theirs.digests.get(relation) != ours.digests.get(relation) for relation in alike)

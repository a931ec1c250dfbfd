"""Which life a process of the model lives, and what it learns of lives by hello: what the node's handshake
and fencer do, on dictionaries."""

from collections.abc import Iterator, Mapping, Sequence

from app.domain.life import Life
from app.sync.rules import acknowledgement, fencing, hello_rules
from app.sync.rules.acknowledgement import Cursor, Log, Reported
from app.sync.rules.fencing import Fencing
from app.sync.rules.hello_rules import Accepted, Behind, Over, Process, Sender
from app.sync.rules.position import ORIGIN
from tests.model.ledger import Disk, Ledger
from tests.model.messages import Hello, Refused
from tests.model.shelf import Shelf

NOBODY = Process()


class Lives(Ledger):
    """A process on a disk. `reborn` says that it ended a life once, `fenced` that it may not again; `epochs`
    are the present ones of its peers, `latest` the latest processes of theirs that were met."""

    def __init__(self, name: str, disk: Disk, *, shelf: Shelf, ids: Iterator[int]) -> None:
        super().__init__(name, disk, shelf=shelf, ids=ids)
        disk.starts += 1
        self.incarnation = (disk.starts, self.event_id())
        self.fenced = False
        self.reborn = False
        self.epochs: dict[str, str] = {}
        self.latest: dict[str, Process] = {}

    # Hello

    @property
    def process(self) -> Process:
        """This process, in its present epoch."""
        return Process(self.disk.epoch, self.incarnation)

    def say(self, *, ahead: Mapping[str, int] | None = None) -> Hello:
        own_rows = self.versions(self.me)
        return Hello(self.me, self.process, frozenset(self.disk.dead), self.heads(), own_rows, ahead or {})

    def hear(self, hello: Hello) -> Hello:
        """Take in a peer's hello and answer it: `PeerServer.hello`."""
        latest = self.noted(hello.life[0])
        if latest.is_after(hello.process) and not hello_rules.ends_itself(hello.life, hello.dead):
            raise Refused("stale_incarnation")
        ahead = self.meet(hello)
        self.note_latest(hello)
        return self.say(ahead=ahead)

    def meet(self, hello: Hello) -> Mapping[str, int]:
        """`handshake.meet`: the versions of the peer's own cells known here, where they are more than the
        peer's."""
        disk, life = self.disk, hello.life
        verdict = hello_rules.judge(life, hello.dead, known=self.sender(life), me=self.me)
        disk.dead |= hello.dead - {self.me}
        if isinstance(verdict, Over):
            raise Refused("dead_epoch", living=verdict.living)
        for other in (life, *hello.heads):
            self.learn(other)
        self.epochs[life[0]] = life[1]
        known = self.versions(life)
        ahead = {product: known[product] for product in hello_rules.newer_rows(known, hello.own_rows)}
        if isinstance(verdict, Behind) or isinstance(self.judge_own(hello), Behind):
            self.begin_again()
        return ahead

    def sender(self, life: Life) -> Sender:
        """What is known here of a hello's sender. No branch of the model is decommissioned."""
        epoch = self.epochs.get(life[0])
        living = [epoch] if epoch is not None and (life[0], epoch) not in self.disk.dead else []
        return Sender(is_decommissioned=False, is_over=life in self.disk.dead, living=living)

    def judge_own(self, hello: Hello) -> Accepted | Behind:
        """Compare what the peer has of this life's own events and rows."""
        head = hello.heads.get(self.me, ORIGIN)
        reported = Reported(self.disk.epoch, head.seq, head.event_id, ())
        log = self.disk.log_at(reported.seq)
        finding = acknowledgement.compare(reported, log)
        newer = hello_rules.newer_rows(hello.ahead, self.versions(self.me)) if hello.ahead else ()
        verdict = hello_rules.judge_own(hello.life[0], reported.seq, finding, end=log.end, newer=newer)
        if isinstance(verdict, Accepted):
            self.move_cursor(hello.life, reported, log)
        return verdict

    def noted(self, name: str) -> Process:
        """The latest process of a branch that was met."""
        return self.latest.get(name, NOBODY)

    def note_latest(self, hello: Hello) -> None:
        """`Peers.note_latest`."""
        if not self.noted(hello.life[0]).is_after(hello.process):
            self.latest[hello.life[0]] = hello.process

    # Its own log

    def move_cursor(self, peer: Life, reported: Reported, log: Log) -> None:
        before = Cursor(self.disk.cursors.get(peer, 0))
        moved = acknowledgement.move(before, reported, log)
        if moved is not None:
            self.disk.cursors[peer] = moved.acknowledged

    # The end of an epoch

    def begin_again(self, epoch: str | None = None, *, rivals: Sequence[str] = ()) -> None:
        """Act on evidence against an epoch, or the present one: `Fencer.begin`."""
        present = self.disk.epoch
        self.disk.dead |= {Life(self.name, rival) for rival in rivals if rival != present}
        known = {"reborn": self.reborn, "fenced": self.fenced, "closed": False}
        match fencing.decide(epoch or present, present=present, **known):
            case Fencing.BEGIN_AGAIN:
                self.reborn = True
                self.another_life()
            case Fencing.FENCE:
                self.fenced = True
                self.disk.dead.add(self.me)  # for the next process to read, whatever its peers remember

    def resume(self) -> None:
        """At start, begin another life if the disk's own is over: `Fencer.resume`."""
        if self.me in self.disk.dead:
            self.begin_again()

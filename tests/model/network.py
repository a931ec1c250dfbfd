"""The network between the branches of the model: messages are lost, late, repeated, and cut off."""

import itertools
from dataclasses import dataclass
from random import Random

from app.sync.rules import hello_rules
from app.sync.rules.hello_rules import Process
from tests.model.branch import Branch
from tests.model.ledger import Disk
from tests.model.messages import Ask, Batch, Grant, Hello, Receipt, Refused
from tests.model.shelf import Shelf

TIMELY = 0.7  # of all messages; the others are lost, late, or come twice

Message = Ask | Batch | Hello | Grant | Receipt


@dataclass(slots=True)
class Flight:
    """A message under way. An answer (`to` is a process) reaches only the process that waits for it. `noted`
    is the latest process of the receiver's that the asker of a hello knew when it asked."""

    sender: Branch
    to: str | Branch
    message: Message
    noted: Process


class Network:
    """Branches that know each other, and what is under way between them."""

    def __init__(self, random: Random, names: tuple[str, ...]) -> None:
        self.random = random
        self.names = names
        self.ids = itertools.count(1)
        self.shelf = Shelf()
        self.flights: list[Flight] = []
        self.isolated: set[str] = set()
        self.branches: dict[str, Branch] = {}
        for name in names:
            self.branches[name] = self.begin(name, Disk(f"e{next(self.ids)}", founded=True))
        for branch in self.branches.values():
            branch.ready = True
            branch.epochs = {other.name: other.disk.epoch for other in self.others(branch)}

    def begin(self, name: str, disk: Disk) -> Branch:
        return Branch(name, disk, shelf=self.shelf, ids=self.ids)

    def others(self, branch: Branch) -> list[Branch]:
        return [other for name, other in self.branches.items() if name != branch.name]

    def pick(self) -> Branch:
        return self.branches[self.names[int(self.random.random() * len(self.names))]]

    def pair(self) -> tuple[Branch, Branch]:
        one, other = self.random.sample(self.names, 2)
        return self.branches[one], self.branches[other]

    def reach(self, one: str, other: str) -> bool:
        """Whether messages get from one branch's machine to the other's."""
        return one not in self.isolated and other not in self.isolated

    def reachable(self, branch: Branch) -> list[Branch]:
        return [o for o in self.others(branch) if o.running and self.reach(branch.name, o.name)]

    def call(self, sender: Branch, to: str, message: Message) -> None:
        """Send a message: mostly it is answered at once, else lost, late, or repeated later."""
        chance = self.random.random()
        flight = Flight(sender, to, message, sender.noted(to))
        if chance > TIMELY or not self.reach(sender.name, to):
            if chance < 0.95:
                self.flights.append(flight)
            return
        if chance > TIMELY - 0.1:
            self.flights.append(flight)
        self.arrive(flight)

    def arrive(self, flight: Flight) -> None:
        if isinstance(flight.to, Branch):
            if flight.to.running:
                self.answered(flight.to, flight.message, noted=flight.noted)
            return
        receiver = self.branches[flight.to]
        if not receiver.running:
            return
        try:
            answer = self.handle(receiver, flight)
        except Refused as refusal:
            self.blame(flight, refusal)
            return
        chance = self.random.random()
        if chance < TIMELY:
            if flight.sender.running:
                self.answered(flight.sender, answer, noted=flight.noted)
        elif chance < 0.9:
            self.flights.append(Flight(receiver, flight.sender, answer, flight.noted))

    def handle(self, receiver: Branch, flight: Flight) -> Message:
        message = flight.message
        if isinstance(message, Batch):
            return receiver.receive(message)
        if isinstance(message, Ask):
            return receiver.give(message)
        assert isinstance(message, Hello), "everything else is an answer"
        self.look_for_the_one_before(receiver, flight.sender, message)
        answer = receiver.hear(message)
        if flight.sender.running and self.reach(receiver.name, flight.sender.name):
            self.fetch_what_is_over(receiver, flight.sender, message)
        return answer

    def look_for_the_one_before(self, receiver: Branch, sender: Branch, hello: Hello) -> None:
        """A later process of a life says hello: if the one before still answers at the branch's address, two
        live on copies of one disk, and the life is over (`HelloHandler.has_outlived`)."""
        there = self.branches[sender.name]
        if hello_rules.ends_itself(hello.life, hello.dead):
            return
        if not receiver.noted(sender.name).is_before(hello.process) or not there.running:
            return
        if hello.process.is_after(there.process) and self.reach(receiver.name, there.name):
            receiver.disk.dead.add(hello.life)

    def answered(self, asker: Branch, answer: Message, *, noted: Process) -> None:
        match answer:
            case Grant():
                asker.accept(answer)
            case Receipt():
                asker.acknowledge(answer)
            case Hello():
                if noted.is_after(answer.process):
                    asker.disk.dead.add(answer.life)
                try:
                    asker.meet(answer)
                except Refused:
                    return
                asker.note_latest(answer)
                donor = self.branches[answer.life[0]]
                if donor.running and self.reach(asker.name, donor.name):
                    self.fetch_what_is_over(asker, donor, answer)

    def blame(self, flight: Flight, refusal: Refused) -> None:
        """Only the process whose hello is refused acts on it, by the life it said that in."""
        sender, message = flight.sender, flight.message
        evidence = refusal.code in ("stale_incarnation", "dead_epoch")
        if evidence and isinstance(message, Hello) and sender.running:
            sender.begin_again(message.life[1], rivals=refusal.living)

    def fetch_what_is_over(self, branch: Branch, donor: Branch, hello: Hello) -> None:
        if branch.disk.founded:
            for name in sorted(branch.branches_lacking(hello)):
                branch.fetch(donor, branch=name)

    def greet(self, one: Branch, other: Branch) -> None:
        """A hello that arrives, and its answer."""
        hello = one.say()
        flight = Flight(one, other.name, hello, one.noted(other.name))
        try:
            answer = self.handle(other, flight)
        except Refused as refusal:
            self.blame(flight, refusal)
            return
        self.answered(one, answer, noted=flight.noted)

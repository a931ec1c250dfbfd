"""Bugs of cloned volumes: two processes on copies of one disk of which one or both go on."""

from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from app.sync.lifecycle.hello_handler import HelloHandler
from app.sync.peering.peers import Peer, Peers
from app.sync.rules import fencing, hello_rules
from app.sync.rules.fencing import Fencing
from app.sync.wire.messages import Hello
from tests.recovery.test_cloned_volumes import (
    test_a_first_process_that_peers_met_by_its_answers_only_is_asked_before_a_copy_is_believed,
    test_a_process_that_began_its_one_new_life_at_its_start_ends_the_one_it_shares,
    test_both_are_refused_and_both_show_why_until_one_is_gone,
)
from tests.teeth.bug import Directed, Simulated, bug


@bug(
    "of two processes of one life none serves",
    Directed(test_both_are_refused_and_both_show_why_until_one_is_gone),
)
def two_processes_of_one_life_go_on() -> AbstractContextManager[object]:
    """A node that is told for the second time that somebody else lives its life takes no notice."""
    decide = fencing.decide

    def go_on(epoch: str, **known: Any) -> Fencing:
        decision = decide(epoch, **known)
        return Fencing.IGNORE if decision is Fencing.FENCE else decision

    return mock.patch.object(fencing, "decide", go_on)


@bug("a copy sells nothing of what both hold", Simulated(seed=4, wipes=True))
def a_later_process_is_believed() -> AbstractContextManager[object]:
    """A process that says hello after another one of its epoch is its successor; nobody asks that one."""

    async def nobody_asks(_hello_handler: HelloHandler, _peer: Peer, _successor: Hello) -> bool:
        return False

    return mock.patch.object(HelloHandler, "has_outlived", nobody_asks)


@bug(
    "a copy sells nothing of what both hold",
    Directed(test_a_first_process_that_peers_met_by_its_answers_only_is_asked_before_a_copy_is_believed),
)
def answers_are_no_meeting() -> AbstractContextManager[object]:
    """A process counts as met once its own hello came, however often it answered one."""
    note_latest = Peers.note_latest

    def unless_answered(peers: Peers, peer: Peer, hello: Hello) -> None:
        if not peer.needs_hello:  # else this is the answer to this node's own
            note_latest(peers, peer, hello)

    return mock.patch.object(Peers, "note_latest", unless_answered)


@bug(
    "of two processes of one life none serves",
    Directed(test_a_process_that_began_its_one_new_life_at_its_start_ends_the_one_it_shares),
)
def its_own_death_is_not_heard() -> AbstractContextManager[object]:
    """A process that was fenced says that its epoch is over, and is taken for an older one of that epoch."""
    return mock.patch.object(hello_rules, "ends_itself", return_value=False)

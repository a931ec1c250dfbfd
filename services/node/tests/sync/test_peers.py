"""Which process of a peer speaks for it."""

import pytest

from app.sync.peering.peers import Peer, Peers
from app.sync.wire.errors import StaleIncarnation
from app.sync.wire.messages import Hello, Incarnation
from tests.support.virtual import VirtualClock


def hello(epoch: str, starts: int) -> Hello:
    return Hello.model_construct(epoch=epoch, incarnation=Incarnation(starts=starts, random="r"))


@pytest.fixture
def peers() -> Peers:
    return Peers([("sul", "http://sul")], clock=VirtualClock())


@pytest.fixture
def sul(peers: Peers) -> Peer:
    peer = peers.get("sul")
    assert peer is not None
    return peer


def test_an_earlier_process_of_the_same_life_is_refused(peers: Peers, sul: Peer) -> None:
    peers.note_latest(sul, hello("one", 2))
    with pytest.raises(StaleIncarnation):
        peers.require_latest(sul, hello("one", 1))
    peers.require_latest(sul, hello("one", 2))


def test_a_new_life_begins_to_count_anew(peers: Peers, sul: Peer) -> None:
    peers.note_latest(sul, hello("one", 9))
    peers.require_latest(sul, hello("two", 1))
    peers.note_latest(sul, hello("two", 1))
    peers.require_latest(sul, hello("two", 1))


def test_a_hello_that_was_not_taken_in_counts_for_nothing(peers: Peers, sul: Peer) -> None:
    """A copy that lives a dead epoch must not make the living process look old."""
    peers.note_latest(sul, hello("living", 3))
    peers.require_latest(sul, hello("dead", 7))
    peers.require_latest(sul, hello("living", 3))


def test_of_two_hellos_at_once_the_later_process_counts(peers: Peers, sul: Peer) -> None:
    peers.note_latest(sul, hello("one", 5))
    peers.note_latest(sul, hello("one", 4))
    with pytest.raises(StaleIncarnation):
        peers.require_latest(sul, hello("one", 4))

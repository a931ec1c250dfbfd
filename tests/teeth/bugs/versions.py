"""Bugs between versions with no protocol in common: a branch that must not sell on is not told so."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

from app.sync.lifecycle import handshake
from app.sync.log.outbox import EMPTY_LOG
from app.sync.rules.hello_rules import NoMember, Over
from tests.recovery.test_decommissioned import (
    test_a_decommissioned_branch_without_a_common_version_is_told_and_stops,
)
from tests.recovery.test_without_a_common_version import (
    test_a_disk_of_a_dead_life_is_told_so_by_upgraded_peers,
    test_an_upgraded_peer_that_has_newer_rows_of_a_life_only_stops_it,
    test_upgraded_peers_that_have_more_of_a_rolled_back_disk_stop_its_life,
    test_what_an_upgraded_peer_knows_is_compared_with_the_disk_as_it_is_by_then,
)
from tests.teeth.bug import Directed, bug

_SOLD_TWICE = "a disk that went back sells nothing it may already have spent"


@bug(
    "a decommissioned branch stops when it hears of it",
    Directed(test_a_decommissioned_branch_without_a_common_version_is_told_and_stops),
)
def only_who_shares_a_protocol_is_told() -> AbstractContextManager[object]:
    """A decommissioned branch with no protocol version in common hears only that it is incompatible."""
    return _kept_quiet_about(NoMember)


@bug(_SOLD_TWICE, Directed(test_upgraded_peers_that_have_more_of_a_rolled_back_disk_stop_its_life))
def an_upgrade_hides_that_a_disk_went_back() -> AbstractContextManager[object]:
    """What a peer with no protocol version in common knows of a node's life is not compared with its disk."""
    return mock.patch.object(handshake, "lacks", return_value=None)


@bug(_SOLD_TWICE, Directed(test_a_disk_of_a_dead_life_is_told_so_by_upgraded_peers))
def an_upgrade_hides_that_a_life_is_over() -> AbstractContextManager[object]:
    """A node does not say to a peer with no protocol version in common that its life is over."""
    return _kept_quiet_about(Over)


@bug(_SOLD_TWICE, Directed(test_an_upgraded_peer_that_has_newer_rows_of_a_life_only_stops_it))
def an_upgrade_hides_newer_rows() -> AbstractContextManager[object]:
    """Without a protocol version in common, only events are compared."""
    return mock.patch.object(handshake, "_ahead", return_value={})


@bug(
    "a life that lost nothing goes on",
    Directed(test_what_an_upgraded_peer_knows_is_compared_with_the_disk_as_it_is_by_then),
)
def what_an_old_hello_lacks_the_disk_lacks() -> AbstractContextManager[object]:
    """Newer rows than a hello without a common protocol version said end its sender's life unseen."""

    def lacks(_tx: object, branch: str, _reported: object, ahead: Mapping[str, int]) -> str | None:
        return f"{branch} has newer rows" if ahead else None

    return mock.patch.object(handshake, "lacks", lacks)


def _kept_quiet_about(kind: type) -> AbstractContextManager[object]:
    judge = handshake.judge_unread

    def judged(tx: Any, hello: Any) -> Any:
        verdict = judge(tx, hello)
        return handshake.Known(EMPTY_LOG, {}) if isinstance(verdict, kind) else verdict

    return mock.patch.object(handshake, "judge_unread", judged)

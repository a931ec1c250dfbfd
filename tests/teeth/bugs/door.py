"""Bugs at the door: bodies of strangers, memory and queues without a bound, a header that is believed."""

from collections.abc import Hashable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any
from unittest import mock

from app.api import door, framing
from app.security.body_budget import BodyBudget
from app.security.login_lane import Abandoned, LoginLane, Standing
from app.security.throttle import LoginThrottle
from app.security.token_verdicts import TokenVerdicts
from app.serving import server
from app.serving.connections import Connections
from app.serving.watch import WatchedConnection
from app.serving.whole_requests import Reader, WholeRequest
from tests.api.test_framing import test_two_lengths_are_a_fault_and_one_is_none
from tests.serving.test_connections import test_a_flood_ends_its_own_oldest_connections
from tests.serving.test_server import (
    test_a_forwarded_header_counts_from_nobody_unless_a_setting_names_them,
    test_connections_stay_below_the_processs_limit_on_descriptors,
)
from tests.serving.test_watch import test_a_header_that_trickles_is_408_however_steadily_it_comes
from tests.serving.test_whole_requests import (
    PLAIN,
    test_a_head_that_comes_again_with_a_body_of_another_length_takes_the_long_way,
)
from tests.sync.test_door import test_of_a_request_without_a_members_token_no_body_is_read
from tests.sync.test_tokens_apart import (
    test_a_token_in_use_ends_when_its_users_deactivation_arrives_from_a_peer,
)
from tests.teeth.bug import Directed, bug
from tests.test_body_budget import test_what_would_go_beyond_the_budget_is_refused_and_not_counted
from tests.test_login_lane import (
    test_a_login_of_better_standing_goes_first_and_takes_the_newest_place_of_the_worst,
    test_two_are_checked_at_once_and_a_bounded_number_waits,
)
from tests.test_throttle import test_an_address_that_fails_with_ever_new_names_waits


@bug(
    "the body of a stranger is not read",
    Directed(test_of_a_request_without_a_members_token_no_body_is_read),
)
def a_body_is_read_before_its_token() -> AbstractContextManager[object]:
    """The token is looked at only when the whole body is in memory."""
    return mock.patch.object(door, "judge", return_value="peer")


@bug(
    "all bodies in memory have one bound",
    Directed(test_what_would_go_beyond_the_budget_is_refused_and_not_counted),
)
def bodies_are_not_counted() -> AbstractContextManager[object]:
    """Bodies take as much memory as they like."""
    return mock.patch.object(BodyBudget, "take")


@bug("few logins wait", Directed(test_two_are_checked_at_once_and_a_bounded_number_waits))
def the_queue_of_logins_has_no_end() -> AbstractContextManager[object]:
    """A login that finds no place waits all the same."""
    return mock.patch.object(LoginLane, "_make_room")


@bug(
    "those who logged in lately do not wait behind a flood",
    Directed(test_a_login_of_better_standing_goes_first_and_takes_the_newest_place_of_the_worst),
)
def everybody_waits_in_one_line() -> AbstractContextManager[object]:
    """Nobody's standing counts."""
    turn = LoginLane.turn

    def last(
        lane: LoginLane, _standing: Standing, *, abandoned: Abandoned
    ) -> AbstractAsyncContextManager[None]:
        return turn(lane, Standing.UNKNOWN, abandoned=abandoned)

    return mock.patch.object(LoginLane, "turn", last)


@bug(
    "an address that guesses with ever new names is slowed down",
    Directed(test_an_address_that_fails_with_ever_new_names_waits),
)
def failures_count_by_name_and_address_alone() -> AbstractContextManager[object]:
    """Only the pair of name and address is locked, so each new name has five guesses."""
    return mock.patch.object(LoginThrottle, "require_open", LoginThrottle.require_unlocked)


@bug(
    "nobody chooses the address that is counted",
    Directed(test_a_forwarded_header_counts_from_nobody_unless_a_setting_names_them),
)
def a_forwarded_header_is_trusted() -> AbstractContextManager[object]:
    """X-Forwarded-For counts from this machine, as uvicorn has it by default."""
    trusting: dict[str, Any] = {"proxy_headers": True, "forwarded_allow_ips": "127.0.0.1"}
    return mock.patch.object(server, "_proxies", return_value=trusting)


@bug("a flood ends its own connections", Directed(test_a_flood_ends_its_own_oldest_connections))
def a_full_node_takes_no_connection() -> AbstractContextManager[object]:
    """Where there are too many connections, each new one is closed."""
    admit = Connections.admit

    def refuse(connections: Connections[Any], connection: Hashable, address: str) -> Hashable | None:
        return None if admit(connections, connection, address) is None else connection

    return mock.patch.object(Connections, "admit", refuse)


@bug(
    "connections stay below the limit on descriptors",
    Directed(
        test_connections_stay_below_the_processs_limit_on_descriptors,
        {"wanted": 1000, "descriptors": 1024, "most": 768},
    ),
)
def the_limit_on_descriptors_is_not_looked_at() -> AbstractContextManager[object]:
    """As many connections as the setting says, whatever the process may open."""
    return mock.patch.object(server, "OTHER_DESCRIPTORS", -(10**6))


@bug(
    "a header has its time",
    Directed(test_a_header_that_trickles_is_408_however_steadily_it_comes),
)
def a_header_that_trickles_is_waited_for() -> AbstractContextManager[object]:
    """Every byte of a header gives it the whole time again."""
    receive = WatchedConnection.data_received

    def start_anew(connection: WatchedConnection, data: bytes) -> None:
        connection._stop_waiting()
        receive(connection, data)

    return mock.patch.object(WatchedConnection, "data_received", start_anew)


@bug(
    "a token ends with the rights that it was given for",
    Directed(test_a_token_in_use_ends_when_its_users_deactivation_arrives_from_a_peer),
)
def a_stale_token_verdict_is_believed() -> AbstractContextManager[object]:
    """What was found out about a token holds until the token expires."""
    return mock.patch.object(TokenVerdicts, "forget")


@bug("nobody hides a request in a body", Directed(test_two_lengths_are_a_fault_and_one_is_none, {"also": {}}))
def two_lengths_are_taken() -> AbstractContextManager[object]:
    """A body whose end the header says in two ways is read by the one that this node prefers."""
    return mock.patch.object(framing, "_FRAMED_TWICE", frozenset((b"no such header",)))


@bug(
    "a request ends where its head says",
    Directed(
        test_a_head_that_comes_again_with_a_body_of_another_length_takes_the_long_way, {"body": PLAIN[0]}
    ),
)
def a_known_head_takes_any_body() -> AbstractContextManager[object]:
    """What follows a head that came before is its body, however long it is."""
    read = Reader.read

    def believing(reader: Reader, data: bytes) -> WholeRequest | None:
        end = data.find(b"\r\n\r\n") + 4
        known = reader._known.get(data[:end])
        return read(reader, data) if known is None else known[0].with_body(data[end:])

    return mock.patch.object(Reader, "read", believing)

"""Bugs under more load than a node can bear: what is refused leaves something behind, or holds up others."""

import asyncio
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

from starlette.types import Message

from app.api import admission
from app.api.edge import Edge, Visit
from app.api.front import Refused, Repetition
from app.domain import admission as rules
from app.domain.admission import Bounds, Load, Pace, Verdict, judge, lane_of
from app.domain.waiting import Age, WaitingList
from app.services.admission import Lane, Pass
from app.serving.early import Early
from app.serving.watch import WatchedConnection
from tests.serving.test_early import (
    test_an_early_request_is_served_at_no_later_time,
    test_another_request_by_the_same_connection_does_not_wait,
)
from tests.sync.test_shedding import (
    test_a_refused_order_is_stored_nowhere_and_can_be_sent_again,
    test_orders_that_wait_for_rights_keep_no_others_out,
    test_peers_are_heard_while_clients_are_refused,
    test_the_order_of_a_client_that_hung_up_is_not_sold,
)
from tests.sync.test_transfer import test_orders_that_can_be_served_wait_for_none_that_cannot
from tests.teeth.bug import Directed, bug
from tests.test_lane_of_readers import (
    test_a_refusal_leaves_no_lottery_behind,
    test_readers_who_come_again_at_once_take_nobodys_turn,
)


@bug(
    "what is impossible reserves nothing",
    Directed(test_orders_that_can_be_served_wait_for_none_that_cannot),
)
def impossible_orders_reserve() -> AbstractContextManager[object]:
    """An order for more than the company has is left what it asks for, so everybody waits behind it."""

    def everything(waiting: WaitingList, *, before: Age | None) -> dict[str, int]:
        older = [one for age, one in waiting._waiting.items() if before is None or age < before]
        products = {product_id for one in older for product_id in one.needs}
        return {product_id: sum(one.needs.get(product_id, 0) for one in older) for product_id in products}

    return mock.patch.object(WaitingList, "reserved", everything)


@bug(
    "a refused order stored nothing",
    Directed(test_a_refused_order_is_stored_nowhere_and_can_be_sent_again),
)
def shed_orders_are_stored() -> AbstractContextManager[object]:
    """A request that is too late is refused when it is done, instead of before."""

    in_turn = Edge._in_turn

    async def keep_back(_message: Message) -> None:
        pass

    async def too_late(edge: Edge, visit: Visit, body: bytes | None = None) -> None:
        name = lane_of(visit.scope["method"], visit.scope["path"])
        if name is None or not visit.node.admission.lane(name).refuses(size=0):
            await in_turn(edge, visit, body)
            return
        await edge._go_on(replace(visit, send=keep_back, answer=keep_back), body)
        raise visit.node.admission.lane(name).refusal()

    stack = ExitStack()
    stack.enter_context(mock.patch.object(admission, "look_ahead"))
    stack.enter_context(mock.patch.object(Edge, "_in_turn", too_late))
    return stack


@bug(
    "nothing is sold to a client that hung up before its order began",
    Directed(test_the_order_of_a_client_that_hung_up_is_not_sold),
)
def orders_of_the_gone_are_sold() -> AbstractContextManager[object]:
    """Nobody notes that a client hangs up."""

    async def never(*_known: Any) -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    return mock.patch.object(admission, "_until_gone", never)


@bug("peers have a share of their own", Directed(test_peers_are_heard_while_clients_are_refused))
def peers_queue_with_clients() -> AbstractContextManager[object]:
    """Batches of peers are refused with the orders of clients."""
    return mock.patch.object(admission, "lane_of", lambda method, _path: lane_of(method, "/orders"))


@bug(
    "an order that waits for rights keeps no others out",
    Directed(test_orders_that_wait_for_rights_keep_no_others_out),
)
def waiting_orders_keep_their_places() -> AbstractContextManager[object]:
    """An order that waits for its peers counts as one that the node works at."""
    return mock.patch.object(Pass, "step_aside")


@bug(
    "who comes again too early is served at no later time",
    Directed(test_an_early_request_is_served_at_no_later_time),
)
def early_requests_are_served_late() -> AbstractContextManager[object]:
    """A request that waited for the end of its time is judged as if it came then."""

    def release(connection: WatchedConnection, data: bytes, _repetition: Repetition) -> None:
        connection.protocol.flow.resume_reading()
        connection.data_received(data)

    return mock.patch.object(WatchedConnection, "_release", release)


@bug(
    "only what was refused waits, and nothing else by its connection",
    Directed(test_another_request_by_the_same_connection_does_not_wait),
)
def whole_connections_wait() -> AbstractContextManager[object]:
    """Whatever a refused client sends waits for the end of its time."""
    note = Early.note

    def of_everything(early: Early, refused: Refused, data: bytes) -> None:
        note(early, refused, data)
        early._line = b""

    return mock.patch.object(Early, "note", of_everything)


@bug(
    "readers are served in the order in which they came",
    Directed(test_readers_who_come_again_at_once_take_nobodys_turn),
)
def the_newest_reader_is_served_first() -> AbstractContextManager[object]:
    """A place goes to whoever came last."""
    go_on = Lane._go_on

    def turned(lane: Lane) -> None:
        lane._waiting.reverse()
        go_on(lane)
        lane._waiting.reverse()

    return mock.patch.object(Lane, "_go_on", turned)


@bug("readers queue also while others are refused", Directed(test_a_refusal_leaves_no_lottery_behind))
def a_refusal_ends_the_queue_of_readers() -> AbstractContextManager[object]:
    """After a refusal whoever finds a place free has it, and nobody waits for one."""

    def without(load: Load, bounds: Bounds, pace: Pace, *, size: int) -> Verdict:
        return judge(load, replace(bounds, stands=False), pace, size=size)

    return mock.patch.object(rules, "judge", without)

"""What the buttons and keys of a page do. Every action says what came of it in one line, and none blocks."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from branchlab.errors import LabError
from branchlab.language import said_in
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.screens.live.breaking import pairs_of
from branchlab.screens.live.room import LiveRoom
from branchlab.screens.page.state import PageState

Say = Callable[[str], None]


class Actions:
    """The actions of one page on the live room. They run beside each other: a node that is slow to stop holds
    up nobody."""

    def __init__(self, room: LiveRoom, state: PageState, say: Say) -> None:
        self._room = room
        self._state = state
        self._say = say
        self._under_way: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        self._break("stop")

    def pause(self) -> None:
        self._break("pause")

    def kill(self) -> None:
        self._break("kill")

    def restart(self) -> None:
        """Starts, or lets go on, what is selected."""
        for node in self._selected():
            self._do(
                f"{self._state.word('restart')} {node}",
                partial(self._room.breaking.bring_back, node),
            )

    def link(self, kind: str) -> None:
        """A fault on the link between the two selected nodes, or on all links of the one."""
        state, names = self._state, self._room.network.names
        if not state.selected:
            self._say(state.word("select_first"))
            return
        pairs, lease = pairs_of(state.selected, names), state.lease_seconds
        said = f"{state.word(kind)} {' – '.join(state.selected)}"
        self._do(said, lambda: self._room.breaking.link_fault(kind, pairs, lease_seconds=lease))

    def fill(self) -> None:
        lease = self._state.lease_seconds
        for node in self._selected()[-1:]:
            self._do(
                f"{self._state.word('fill')} {node}",
                partial(self._room.breaking.fill, node, lease_seconds=lease),
            )

    def wipe(self, node: str) -> None:
        """Takes a node's disk away; asked for by name."""

        async def wipe() -> str:
            at_risk = await self._room.breaking.wipe(node)
            return self._state.word("wiped", node=node, count=len(at_risk))

        self._do(f"{self._state.word('wipe')} {node}", wipe)

    def heal(self) -> None:
        self._do(self._state.word("heal"), self._room.breaking.heal)

    def log_in(self) -> None:
        state, who = self._state, self._state.who

        async def log_in(node: str) -> str:
            role = await self._room.hands.log_in(who, node)
            return state.word("logged_in", who=state.word(f"who_{who}"), node=node, role=role)

        for node in self._at():
            self._do(f"{state.word('log_in')} {node}", partial(log_in, node))

    def sell(self) -> None:
        state, who, sku, quantity = self._state, self._state.who, self._state.sku, self._state.quantity

        async def sell(node: str) -> str:
            await self._prepare()
            order = await self._room.hands.sell(who, node, sku or self._state.sku, quantity)
            facts = {"number": order["number"], "quantity": quantity, "sku": order["lines"][0]["sku"]}
            return state.word("sold", node=node, **facts)

        for node in self._at():
            self._do(f"{state.word('sell')} {node}", partial(sell, node))

    def give_back(self) -> None:
        state, who = self._state, self._state.who

        async def give_back(node: str) -> str:
            order = await self._room.hands.give_back(who, node)
            return state.word("given_back", number=order["number"], node=node)

        for node in self._at():
            self._do(f"{state.word('give_back')} {node}", partial(give_back, node))

    def adjust(self, sign: int) -> None:
        """Receives (1) or removes (-1) the quantity at the branch."""
        state, who, quantity = self._state, self._state.who, self._state.quantity

        async def adjust(node: str) -> None:
            await self._prepare()
            await self._room.hands.adjust(who, node, state.sku, sign * quantity)

        for node in self._at():
            self._do(f"{state.word('receive' if sign > 0 else 'remove')} {node}", partial(adjust, node))

    def load(self) -> None:
        """Starts the load, or ends it."""
        room, state = self._room, self._state
        if room.load.is_on:
            room.stop_load()
            self._say(state.word("done", what=state.word("load_stop")))
            return
        self._do(state.word("load_start"), lambda: room.start_load(state.rate))

    def change_rate(self, step: int) -> None:
        """Another rate, at once where a load is on."""
        self._state.change_rate(step)
        if self._room.load.is_on:
            self._do(self._state.word("load"), lambda: self._room.start_load(self._state.rate))

    async def products(self) -> list[str]:
        """What is sold here; empty where no node says so yet."""
        try:
            await self._prepare()
        except (LabError, Refused, Unknown):
            return []
        return self._room.hands.skus

    async def _prepare(self) -> None:
        if not self._room.hands.skus:
            await self._room.hands.prepare()
        self._state.sku = self._state.sku or self._room.hands.skus[-1]

    def _break(self, fault: str) -> None:
        lease = self._state.lease_seconds
        for node in self._selected():
            self._do(
                f"{self._state.word(fault)} {node}",
                partial(self._room.breaking.node_fault, fault, node, lease_seconds=lease),
            )

    def _selected(self) -> tuple[str, ...]:
        if not self._state.selected:
            self._say(self._state.word("select_first"))
        return self._state.selected

    def _at(self) -> tuple[str, ...]:
        """The branch at whose counter somebody stands: the one selected last."""
        return self._selected()[-1:]

    def _do(self, what: str, act: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.create_task(self._tell(what, act))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _tell(self, what: str, act: Callable[[], Awaitable[object]]) -> None:
        word = self._state.word
        self._say(word("working", what=what))
        try:
            said = await act()
        except (LabError, Refused, Unknown) as error:
            self._say(word("failed", what=what, why=said_in(self._state.language, error)))
        else:
            self._say(said if isinstance(said, str) else word("done", what=what))

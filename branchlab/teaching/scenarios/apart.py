"""Two branches that cannot talk create the same sku, customer and username, and sell with them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from branchlab.checking.operations import Operations
from branchlab.language import N_, _
from branchlab.nodes.client import NodeClient
from branchlab.nodes.contract import Role
from branchlab.nodes.outcome import Refused
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage

ROUNDS = 5  # names that both sides create
_RECEIVED = 10  # units on each side, of each product


@dataclass(frozen=True)
class _Side:
    """What one branch makes of the same names."""

    node: str
    word: str
    price_cents: int
    quantity: int
    role: Role

    def password(self, number: int) -> str:
        return f"secret of {self.word} {number}"


async def _play(stage: Stage) -> None:
    """The sides are never up together: each is alone while it writes, and sees nothing of the other."""
    left = _Side(stage.nodes[0], "left", price_cents=100, quantity=2, role="operador")
    right = _Side(stage.nodes[1], "right", price_cents=200, quantity=3, role="admin")
    await stage.stop(right.node)
    await _write(stage, left)
    await stage.stop(left.node)
    await stage.start(right.node)
    await stage.until(
        stage.operations.clients[right.node].is_ready,
        _("{node} did not get ready by itself", node=right.node),
    )
    await _write(stage, right)
    await stage.start(left.node)
    await stage.converge()
    await _check_rows(stage)
    await _check_stock(stage, left, right)
    await _check_passwords(stage, left, right)
    stage.facts.append(
        _("{rounds} skus, customers and usernames created on both sides: one row each", rounds=stage.rounds)
    )


def _names(stage: Stage, number: int) -> tuple[str, str, str]:
    """The sku, customer code and username of one round: the same on both sides."""
    return f"{stage.tag}-P{number}", f"{stage.tag}-C{number}", f"{stage.tag.lower()}-u{number}"


async def _write(stage: Stage, side: _Side) -> None:
    for number in range(1, stage.rounds + 1):
        sku, code, username = _names(stage, number)
        operations, node = stage.operations, side.node
        await operations.create_product(node, sku, f"Product of {side.word}", side.price_cents)
        await operations.create_customer(node, {"code": code, "name": f"Customer of {side.word}"})
        await operations.create_user(node, username, side.password(number), role=side.role)
        await operations.adjust(node, sku, _RECEIVED, share="keep")
        async with NodeClient(node, stage.network.url(node)) as client:
            await client.login(username, side.password(number))
            buyer = Operations({node: client}, operations.log, random=stage.random, mark=operations.mark)
            placed = await buyer.place(
                node, code, [{"sku": sku, "quantity": side.quantity}], key=f"{sku}-{side.word}"
            )
        what = _("the order {number} of {word}", number=number, word=side.word)
        if stage.expect_answer(placed, what):
            stage.expect(
                placed.outcome == "accepted", _("{what} was {outcome}", what=what, outcome=placed.outcome)
            )


async def _check_rows(stage: Stage) -> None:
    """One row for each name, and the same row on both nodes."""
    clients = stage.operations.clients
    for number in range(1, stage.rounds + 1):
        for kind, key, name in zip(
            ("products", "customers", "users"),
            ("sku", "code", "username"),
            _names(stage, number),
            strict=True,
        ):
            shown = {node: await _rows(client, kind, key, name) for node, client in clients.items()}
            counts = [len(rows) for rows in shown.values()]
            stage.expect(
                set(counts) == {1},
                _("{name} has {counts} rows in {kind}", name=name, counts=counts, kind=kind),
            )
            stage.expect(
                len({repr(rows) for rows in shown.values()}) == 1,
                _("{name} differs: {rows}", name=name, rows=shown),
            )


async def _rows(client: NodeClient, kind: str, key: str, name: str) -> list[dict[str, Any]]:
    lists: Mapping[str, Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]] = {
        "products": client.products,
        "customers": client.customers,
        "users": client.users,
    }
    return [dict(row) for row in await lists[kind]() if row[key] == name]


async def _check_stock(stage: Stage, left: _Side, right: _Side) -> None:
    """The units of both sides add up, and so do their sales."""
    expected = 2 * _RECEIVED - left.quantity - right.quantity
    for number in range(1, stage.rounds + 1):
        sku = _names(stage, number)[0]
        for node, client in stage.operations.clients.items():
            available = (await client.stock_of(sku))["available"]
            stage.expect(
                available == expected,
                _(
                    "{node} shows {available} of {sku}, should be {expected}",
                    node=node,
                    available=available,
                    sku=sku,
                    expected=expected,
                ),
            )


async def _check_passwords(stage: Stage, left: _Side, right: _Side) -> None:
    """The same one of the two passwords works at both nodes."""
    for number in range(1, stage.rounds + 1):
        username = _names(stage, number)[2]
        works = {
            node: [
                side.word
                for side in (left, right)
                if await _logs_in(stage, node, username, side.password(number))
            ]
            for node in stage.nodes
        }
        words = list(works.values())
        stage.expect(
            len(words[0]) == 1 and all(word == words[0] for word in words),
            _("the passwords that {username} logs in with are {works}", username=username, works=works),
        )


async def _logs_in(stage: Stage, node: str, username: str, password: str) -> bool:
    async with NodeClient(node, stage.network.url(node)) as client:
        try:
            await client.login(username, password)
        except Refused:
            return False
    return True


SCENARIO = Scenario(
    name="apart",
    group="identity",
    title=N_(
        "The same sku, customer and username made on both sides while apart: one row each, no order lost."
    ),
    play=_play,
    nodes=2,
    rounds=ROUNDS,
    needs_own_network=True,
    settings={"REBALANCE_SECONDS": "0"},
)

"""The plan that a seed draws for a history, before it begins."""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

FAULTS = ("lose", "duplicate", "delay", "damage", "poison", "cut", "isolate", "crash", "crash_at_commit",
          "stop", "pause", "stall", "skew", "jump", "power", "power_at_commit", "full")  # fmt: skip
LOST_DISKS = ("wipe", "restore", "restore_fenced", "clone", "clone_heard", "leave")
LOSSES = (("wipe",), ("restore",), ("wipe", "restore"))
"""Which disks are lost where disks are lost: whole, or what was written since a copy was made."""
CLONES = (("clone",), ("wipe", "clone"))
CLONES_SHARE = 0.25
"""In this share of the histories with lost disks, disks are copied instead: a second process starts on a
copy, and one of the two disks is thrown away."""
UPGRADE = "upgrade"
UPGRADED_SHARE = 0.1
"""In this share of histories the network is upgraded meanwhile, branch by branch."""
GO_BACK = "go_back"
GOING_BACK_SHARE = 0.5
"""In this share of those the upgrade is taken back at some branches, and begun again."""
OPTIMISTIC_SHARE = 0.06
"""In this share of the histories without lost disks, branches sell the company's stock as they know it."""
PLENTY, SCARCE = 600, 20
"""The most units of a product that a shop opens with, and under `optimistic`: what nobody runs short of is
never sold too often."""
LEAVE = "leave"
"""A branch is lost for good, only where disks neither go back nor are copied."""
FEWEST_TO_LEAVE = 3
LEAVING_SHARE = 0.3  # of the histories in which a branch could leave
LIES = ("forge_deaths", "forge_ghosts", "forge_heads", "forge_cells", "forge_orders", "forge_rows",
        "forge_numbers", "forge_times", "forge_lists", "forge_refusals", "forge_facts", "own_units", "greed",
        "withhold", "replay", "flood")  # fmt: skip
"""The kinds of lies of a member that lies (tests.simulation.lying). It signs every message as itself."""
ENDING_LIES = ("forge_deaths", "forge_heads", "forge_cells", "forge_numbers", "forge_refusals", "forge_lists")
"""The lies that may end an honest life, as what a true member says would: that it has more of this life than
this disk. The branch then sells by another life, and its units of the ended one are frozen."""
CLOCK_FAULTS = ("skew", "jump")
"""They do not happen where a liar forges numbers. How far logical time may run ahead is judged by each node's
clock, so a liar can part branches whose clocks differ until the clocks are right."""
CANDOUR = (0.0, 0.3, 0.7)
"""The share of its messages that a liar may send as they are."""
LIE_SHARE = 0.4
"""Each kind is told in this share of the histories with a liar."""
PAUSES_WITH_LIARS = (0.03, 0.1, 0.3)
"""Seconds between two operations of a client where a member lies: it has to meet the others now and then."""
MOST_WITH_LIARS = (5, 60)
"""The most nodes, the liar among them, and the most operations: lies cost many messages."""
NODES = ("matriz", "filial-norte", "filial-sul", "filial-leste", "filial-oeste", "filial-centro",
         "filial-serra", "filial-litoral", "filial-vale")  # fmt: skip
NODES_WEIGHTS = {2: 440, 3: 400, 4: 90, 5: 55, 6: 6, 7: 4, 8: 3, 9: 2}
"""The number of branches of a network, per 1,000 histories. Most failures take two or three branches, and
nine cost as much as twenty times two."""
LENGTHS_WEIGHTS = {(15, 45): 50, (45, 100): 40, (100, 250): 10}
"""The number of operations of a history, per 100 histories. Many short ones have more beginnings and ends in
the same time. A few long ones meet failures that take long."""


@dataclass(frozen=True)
class Plan:
    """One history before it begins. Seconds are virtual.

    - `demand` weighs the products of `skus`; the first is in highest demand.
    - `faults` names the kinds that may happen, and `storm` says that they begin before founding.
    - `breaks` says that the next version of the node has no protocol version in common with this one.
    - `liar` is the one of the `nodes` that lies, if one does. `lies` names the kinds that it tells, and
      `candour` is the share of its messages that it leaves as they are.
    """

    seed: int
    nodes: tuple[str, ...]
    skus: tuple[str, ...]
    demand: tuple[float, ...]
    stock: tuple[int, ...]
    clients: int
    operations: int
    pause: float
    faults: tuple[str, ...]
    fault_every: float
    storm: bool
    http: bool
    breaks: bool
    policy: Literal["escrow", "optimistic"]
    retry_seconds: float
    transfer_wait_seconds: float
    rebalance_seconds: float
    liar: str | None = None
    lies: tuple[str, ...] = ()
    candour: float = 1.0

    @property
    def may_end_lives(self) -> bool:
        """Whether the liar may end an honest life: by some lies it can."""
        return bool({*self.lies} & {*ENDING_LIES})

    @property
    def honest(self) -> tuple[str, ...]:
        """The nodes that do not lie."""
        return tuple(name for name in self.nodes if name != self.liar)

    def random(self, *purpose: object) -> Random:
        """A random source for one purpose, so that more draws for one purpose change no other."""
        return Random("/".join(map(str, (self.seed, *purpose))))


def draw(seed: int, *, nodes: int | None = None, wipes: bool = False, liars: bool = False) -> Plan:
    """The history of a seed, of so many nodes or of as many as it draws; with `wipes`, disks are lost in it
    too; with `liars`, one of the nodes lies, and no disk is lost."""
    plan = _drawn(seed, nodes=nodes, wipes=wipes and not liars)
    return _with_liar(plan, one_more=nodes is None) if liars else plan


def _with_liar(plan: Plan, *, one_more: bool) -> Plan:
    """The same history with a liar among its nodes, or as `one_more`. Every branch sells only what it has
    rights of."""
    random = plan.random("liar")
    most_nodes, most_operations = MOST_WITH_LIARS
    nodes = NODES[: min(len(plan.nodes) + 1, most_nodes)] if one_more else plan.nodes
    lies = tuple(kind for kind in LIES if random.random() < LIE_SHARE) or (random.choice(LIES),)
    left_out = {"poison", *(CLOCK_FAULTS if "forge_numbers" in lies else ())}
    return replace(
        plan,
        nodes=nodes,
        faults=tuple(kind for kind in plan.faults if kind not in left_out),
        policy="escrow",
        operations=min(plan.operations, most_operations),
        pause=random.choice(PAUSES_WITH_LIARS),
        liar=random.choice(nodes[1:]),  # the first opens the shop
        lies=lies,
        candour=random.choice(CANDOUR),
    )


def _drawn(seed: int, *, nodes: int | None, wipes: bool) -> Plan:
    random = Random(f"{seed}/plan")
    drawn = random.choices(tuple(NODES_WEIGHTS), tuple(NODES_WEIGHTS.values()))[0]
    nodes = nodes or drawn
    shortest, longest = random.choices(tuple(LENGTHS_WEIGHTS), tuple(LENGTHS_WEIGHTS.values()))[0]
    products = random.randint(2, 7)
    skew = random.choice((0.5, 1.0, 2.0))
    policy = _policy(seed, wipes=wipes)
    most = SCARCE if policy == "optimistic" else PLENTY
    newer = Random(f"{seed}/versions")
    upgraded = newer.random() < UPGRADED_SHARE
    goes_back = Random(f"{seed}/going back").random() < GOING_BACK_SHARE
    twins = Random(f"{seed}/clones")
    cloned = twins.choice(CLONES) if twins.random() < CLONES_SHARE else None
    plan = Plan(
        seed=seed,
        nodes=NODES[:nodes],
        skus=tuple(f"SKU-{number}" for number in range(products)),
        demand=tuple(1.0 / (rank + 1) ** skew for rank in range(products)),
        stock=tuple(min(random.choice((5, 40, 150, 600)), most) for _ in range(products)),
        clients=random.randint(3, 4 + nodes),
        operations=random.randint(shortest, longest),
        pause=random.choice((0.01, 0.05, 0.15)),
        faults=(
            *(kind for kind in FAULTS if random.random() < 0.5),
            *((UPGRADE,) if upgraded else ()),
            *((GO_BACK,) if upgraded and goes_back else ()),
            *_lost(random.choice(LOSSES) if wipes else (), instead=cloned),
        ),
        fault_every=random.choice((0.1, 0.3, 1.0)),
        storm=random.random() < 0.2,
        http=random.random() < 0.1,
        breaks=newer.random() < 0.3,
        policy=policy,
        retry_seconds=random.choice((0.05, 0.2, 0.5)),
        transfer_wait_seconds=random.choice((0.1, 0.5)),
        rebalance_seconds=random.choice((0.0, 0.3, 2.0)),
    )
    comes_back_older = {"restore", "clone"} & {*plan.faults}
    may_leave = wipes and not comes_back_older and len(plan.nodes) >= FEWEST_TO_LEAVE
    # Drawn by itself: whatever else a seed draws stays as it is.
    if may_leave and plan.random("leave").random() < LEAVING_SHARE:
        plan = replace(plan, faults=(*plan.faults, LEAVE))
    return plan


def _policy(seed: int, *, wipes: bool) -> Literal["escrow", "optimistic"]:
    drawn = Random(f"{seed}/policy").random() < OPTIMISTIC_SHARE
    return "optimistic" if drawn and not wipes else "escrow"


def _lost(losses: tuple[str, ...], *, instead: tuple[str, ...] | None) -> tuple[str, ...]:
    return instead if losses and instead is not None else losses

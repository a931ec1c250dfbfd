"""Hello: what it says, and what a node learns from a peer's."""

from typing import Any

import pytest

from app.domain.life import Life
from app.domain.stock import Cell
from app.state.tables import life_table, stock_table
from app.sync.lifecycle import handshake
from app.sync.lifecycle.handshake import Learned, Self
from app.sync.log import cursors, outbox
from app.sync.rules.hello_rules import Over
from app.sync.wire.errors import Incompatible
from app.sync.wire.messages import Head, Hello
from tests.support.branch import CLUSTER, Branch, Branches

THIS = Self(schema_hash="0001", policy="escrow", incarnation="a run")


@pytest.fixture
def pair(branches: Branches) -> tuple[Branch, Branch]:
    """matriz with three events, all of them at norte."""
    matriz, norte = branches.make("matriz"), branches.make("norte")
    for sku in ("rice", "beans", "tea"):
        matriz.product(sku)
    matriz.send(norte)
    return matriz, norte


def hello(branch: Branch, *, first: bool = False, **changes: Any) -> Hello:
    """What a branch says, as it arrives; `changes` replace fields."""
    said = handshake.say(branch.connection, THIS, now=5.0, first=first, ahead={})
    return Hello.model_validate_json(said.model_copy(update=changes).model_dump_json())


def meet(branch: Branch, said: Hello) -> Learned:
    """A hello from a living peer, in answer to one of this node's present life."""
    learned = branch.do(lambda tx: handshake.meet(tx, said, answers=branch.identity.epoch))
    assert isinstance(learned, Learned)
    return learned


def heads_with(said: Hello, branch: Branch, head: Head) -> dict[str, Head]:
    return {**said.heads, branch.life.key: head}


def cursor(branch: Branch, peer: Branch) -> int:
    return cursors.acknowledged(branch.connection, *peer.life, branch.identity.epoch)


def test_hello_says_who_the_node_is_and_how_far(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    said = hello(norte)
    assert (said.node, said.epoch, said.cluster_id) == (*norte.life, CLUSTER)
    assert (said.incarnation.starts, said.incarnation.random, said.policy) == (1, "a run", "escrow")
    assert said.heads == {matriz.life.key: outbox.head(matriz.connection)}
    assert (said.own_rows, said.ahead, said.digest) == (None, {}, norte.digest())


def test_the_first_hello_lists_the_versions_of_ones_own_rows(pair: tuple[Branch, Branch]) -> None:
    matriz, _ = pair
    rice = matriz.adjust("rice", 5)
    matriz.adjust("rice", 5)
    assert hello(matriz, first=True).own_rows == {rice: 2}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"protocol": (1, 9)}, None),
        ({"cluster_id": "another"}, "another_cluster"),
        ({"protocol": (2, 3)}, "no_common_protocol"),
        ({"protocol": (0, 0)}, "no_common_protocol"),
    ],
)
def test_only_members_of_the_network_that_speak_its_protocol_are_met(
    pair: tuple[Branch, Branch], changes: dict[str, Any], reason: str | None
) -> None:
    said = hello(pair[1], **changes)
    if reason is None:
        handshake.check(said, cluster_id=CLUSTER)
    else:
        with pytest.raises(Incompatible) as raised:
            handshake.check(said, cluster_id=CLUSTER)
        assert raised.value.reason == reason


def test_a_peers_position_moves_the_cursor_also_backwards(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    assert cursor(matriz, norte) == 3
    second = outbox.event_at(matriz.connection, matriz.identity.epoch, 2)
    assert second is not None
    said = hello(norte)
    learned = meet(matriz, said.model_copy(update={"heads": heads_with(said, matriz, second)}))
    assert (learned.behind, cursor(matriz, norte)) == (None, 2)
    meet(matriz, said.model_copy(update={"heads": {}}))
    assert cursor(matriz, norte) == 0
    meet(matriz, said)
    assert cursor(matriz, norte) == 3


def test_a_peer_in_a_new_life_starts_from_its_own_position(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    norte.next_life()
    meet(matriz, hello(norte))
    assert cursor(matriz, norte) == 3


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (Head(seq=4, event_id="x"), "norte has event 4 of this epoch, which ends at 3"),
        (Head(seq=3, event_id="x"), "norte has another event 3 of this epoch"),
        (Head(seq=1, event_id="x"), "norte has another event 1 of this epoch"),
    ],
)
def test_who_is_told_of_more_or_other_events_of_its_life_is_behind(
    pair: tuple[Branch, Branch], head: Head, why: str
) -> None:
    matriz, norte = pair
    said = hello(norte)
    learned = meet(matriz, said.model_copy(update={"heads": heads_with(said, matriz, head)}))
    assert (learned.behind, learned.epoch, cursor(matriz, norte)) == (why, matriz.identity.epoch, 3)


def test_who_is_named_dead_is_behind(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    said = hello(norte, dead=[matriz.life])
    learned = matriz.do(lambda tx: handshake.meet(tx, said))
    assert isinstance(learned, Learned)
    assert learned.behind == "norte names this epoch dead"
    assert life_table.dead_lives(matriz.connection) == set()  # its own death is not for it to write down


def test_an_answer_that_calls_the_asking_life_dead_contradicts_itself(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    assert meet(matriz, hello(norte, dead=[matriz.life])).behind is None


def test_another_branch_ends_no_life_that_is_known(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    sul = Life("sul", "e1")
    matriz.do(lambda tx: life_table.learn_life(tx, sul))
    meet(matriz, hello(norte, dead=[sul]))
    assert sul not in life_table.dead_lives(matriz.connection)
    meet(matriz, hello(norte, dead=[norte.life._replace(epoch="e0")]))
    assert life_table.dead_lives(matriz.connection) == {Life("norte", "e0")}


def test_a_life_that_only_others_called_dead_lives_when_it_says_hello(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.do(lambda tx: life_table.learn_deaths(tx, [norte.life], by=Life("sul", "e1")))
    assert life_table.dead_lives(matriz.connection) == {norte.life}
    assert life_table.deaths_to_tell(matriz.connection) == []  # it is for others to say
    meet(matriz, hello(norte))
    assert life_table.dead_lives(matriz.connection) == set()


def test_a_branchs_own_word_that_its_life_is_over_stays(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    sul, successor = Life("sul", "e1"), Life("norte", "next")
    matriz.do(lambda tx: life_table.learn_deaths(tx, [norte.life], by=sul))
    matriz.do(lambda tx: life_table.learn_deaths(tx, [norte.life], by=successor))
    assert isinstance(matriz.do(lambda tx: handshake.meet(tx, hello(norte))), Over)


def test_who_is_told_of_newer_rows_is_behind(pair: tuple[Branch, Branch]) -> None:
    """A grant's answer can outrun the outbox, so heads alone miss a roll-back."""
    matriz, norte = pair
    rice = matriz.adjust("rice", 5)
    newer = Cell(rice, *matriz.life, received=5, granted={norte.life: 2}, version=2)
    norte.do(lambda tx: stock_table.merge(tx, [newer]))
    ahead = meet(norte, hello(matriz, first=True)).ahead
    assert ahead == {rice: 2}
    learned = meet(matriz, hello(norte, ahead=ahead))
    assert learned.behind == f"norte has newer rows of this epoch: {rice}"


def test_an_answer_about_an_earlier_life_says_nothing_of_the_present_one(pair: tuple[Branch, Branch]) -> None:
    """It was asked for before the node began another life, which has no rows yet."""
    matriz, norte = pair
    said = hello(norte, ahead={matriz.adjust("rice", 5): 2})
    learned = matriz.do(lambda tx: handshake.meet(tx, said, answers="an earlier one"))
    assert isinstance(learned, Learned)
    assert learned.behind is None


def test_rows_written_since_the_own_hello_are_no_sign_of_a_roll_back(pair: tuple[Branch, Branch]) -> None:
    """The peer asked for rights and got them while the first hello was on its way."""
    matriz, norte = pair
    rice = matriz.adjust("rice", 5)
    said = hello(matriz, first=True)
    matriz.adjust("rice", 5)
    matriz.send(norte)
    ahead = meet(norte, said).ahead
    assert ahead == {rice: 2}
    assert meet(matriz, hello(norte, ahead=ahead)).behind is None


def test_only_the_first_hello_is_answered_with_newer_rows(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.adjust("rice", 5)
    matriz.send(norte)
    assert meet(norte, hello(matriz)).ahead == {}


def test_lives_and_deaths_are_learnt(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    gone, heard_of, earlier = Life("sul", "e0"), Life("sul", "e1"), Life("matriz", "e0")
    heads = {life.key: Head(seq=1, event_id="x") for life in (heard_of, earlier)}
    meet(matriz, hello(norte, dead=[gone], heads=heads))
    lives = matriz.connection.execute("SELECT branch, epoch, dead FROM epochs")
    found = {(row[0], row[1]): row[2] for row in lives}
    assert found == {matriz.life: 0, norte.life: 0, gone: 1, Life("matriz", "e0"): 1}


def test_an_earlier_life_of_ones_own_branch_is_dead_as_soon_as_it_is_heard_of(
    pair: tuple[Branch, Branch],
) -> None:
    matriz, norte = pair
    meet(matriz, hello(norte, heads={"matriz@before": Head(seq=1, event_id="x")}))
    assert life_table.dead_lives(matriz.connection) == {("matriz", "before")}


def test_a_dead_life_is_not_met(pair: tuple[Branch, Branch]) -> None:
    matriz, norte = pair
    matriz.do(lambda tx: life_table.learn_life(tx, norte.life, dead=True))
    over = matriz.do(lambda tx: handshake.meet(tx, hello(norte)))
    assert over == Over(living=[], contested=[])


def test_a_dead_life_that_names_its_branchs_living_one_lives_beside_it(pair: tuple[Branch, Branch]) -> None:
    """An epoch is drawn at random: nobody can name it who has not lived since it began."""
    matriz, norte = pair
    matriz.do(lambda tx: life_table.learn_life(tx, norte.life, dead=True))
    matriz.do(lambda tx: life_table.learn_life(tx, Life("norte", "another")))
    over = matriz.do(lambda tx: handshake.meet(tx, hello(norte)))
    assert over == Over(living=["another"], contested=[])
    over = matriz.do(lambda tx: handshake.meet(tx, hello(norte, dead=[("norte", "another")])))
    assert over == Over(living=[], contested=["another"])
    assert ("norte", "another") in life_table.dead_lives(matriz.connection)

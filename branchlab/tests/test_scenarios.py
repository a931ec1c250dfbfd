"""Scenarios are found by name, and check what they expect: a node that sells too much fails them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from branchlab.errors import LabError
from branchlab.networks.network import Network, NodeAddress
from branchlab.teaching.scenarios.duel import Duel, play_duels
from branchlab.teaching.scenarios.registry import SCENARIOS, get, in_group
from branchlab.teaching.scenarios.runner import RunOptions, run
from branchlab.teaching.scenarios.shelf import units_of_a_dead_life
from branchlab.teaching.scenarios.stage import Stage
from branchlab.tests.fake_node import FakeNode, problem
from branchlab.tests.run_records import make_stock
from branchlab.tests.stages import on_stage

SAME_NODE = Duel(buyers=(0, 0), wanted=1, units={0: 1})
SOLD_OUT = problem(409, "out_of_stock", sku="X", wanted=1, available_here=0, available_company=0)


def play_duel(node: FakeNode, directory: Path, *, rounds: int = 1) -> Stage:
    """A stage after duels at one fake node."""
    return on_stage(node, directory, lambda stage: play_duels(stage, SAME_NODE), rounds=rounds)


class OneSaleNode(FakeNode):
    """Refuses the second order of each product, as a node with one unit does."""

    def sells(self, sku: str) -> bool:
        return all(line["sku"] != sku for order in self.orders.values() for line in order["lines"])


class MisplacingNode(FakeNode):
    """Holds one unit more than it received."""

    def stock(self) -> dict[str, dict[str, object]]:
        return {sku: {"sku": sku, "here": units + 1} for sku, units in self.received.items()}


def test_exactly_one_sale_per_round_is_what_a_duel_expects(tmp_path: Path) -> None:
    stage = play_duel(OneSaleNode(), tmp_path, rounds=3)

    assert stage.failures == []
    assert stage.facts[0] == "3 rounds; the order was won by matriz 3"


def test_two_sales_of_the_last_unit_fail_a_duel(tmp_path: Path) -> None:
    stage = play_duel(FakeNode(), tmp_path)

    assert stage.failures == ["T-0001: the answers were 201 and 201"]


def test_no_sale_of_the_last_unit_fails_a_duel(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.extend([SOLD_OUT, SOLD_OUT])

    stage = play_duel(node, tmp_path)

    assert stage.failures == ["T-0001: the answers were 409 out_of_stock and 409 out_of_stock"]


def test_a_refusal_for_another_reason_fails_a_duel(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.append(problem(422, "unknown_sku"))

    stage = play_duel(node, tmp_path)

    assert stage.failures == ["T-0001: the answers were 422 unknown_sku and 201"]


def test_an_order_without_a_clear_answer_is_no_failure_of_the_node(tmp_path: Path) -> None:
    node = FakeNode()
    node.next_orders.append(httpx.ReadTimeout("too slow"))

    stage = play_duel(node, tmp_path)

    assert stage.failures == []
    assert stage.unjudged == ["an order of T-0001 had no clear answer: did not answer in 15 s"]


def test_what_others_granted_to_a_new_life_is_not_of_the_dead_one() -> None:
    stock = make_stock(received=30)
    stock["rows"][0]["granted"] = {"filial-sul@e1": 10, "filial-sul@e2": 4}
    stock["here"] = 4
    assert units_of_a_dead_life(stock, "filial-sul", "e2") == 0
    stock["here"] = 6
    assert units_of_a_dead_life(stock, "filial-sul", "e2") == 2


def test_units_that_are_not_where_the_duel_wants_them_fail_it(tmp_path: Path) -> None:
    stage = play_duel(MisplacingNode(), tmp_path)

    assert stage.failures[0] == "matriz does not hold 1 of T-0001"


def test_every_scenario_has_a_name_of_its_own_and_is_found_by_it() -> None:
    names = [scenario.name for scenario in SCENARIOS]

    assert sorted(set(names)) == sorted(names)
    assert [get(name) for name in names] == list(SCENARIOS)


def test_a_scenario_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(LabError, match="there is no scenario 'nope'; the scenarios are last-unit-one-node"):
        get("nope")


def test_groups_are_all_or_by_name() -> None:
    assert in_group("all") == [*SCENARIOS, *in_group("lesson")]
    assert [scenario.name for scenario in in_group("identity")] == ["apart", "founding"]
    with pytest.raises(LabError, match="there is no group 'nope'; the groups are all, seed"):
        in_group("nope")


def test_a_network_that_runs_is_refused_where_it_will_not_do() -> None:
    two = Network("process", tuple(NodeAddress(name, "http://fake") for name in ("a", "b")), "escrow")

    with pytest.raises(LabError, match="needs 3 nodes, this network has 2"):
        get("last-unit-third-node").refuse_network(two)
    with pytest.raises(LabError, match="needs a network of its own"):
        get("founding").refuse_network(two)
    get("last-unit-two-nodes").refuse_network(two)


@contextmanager
def played_elsewhere(directory: Path) -> Iterator[None]:
    """Another run that holds the directory."""
    directory.mkdir(parents=True)
    with (directory / "lease").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_scenario_is_not_played_twice_in_one_place(tmp_path: Path) -> None:
    with played_elsewhere(tmp_path / "apart"), pytest.raises(LabError, match="is being played in"):
        run(get("apart"), RunOptions(directory=tmp_path))


def test_networks_of_the_two_drivers_are_played_in_places_of_their_own(tmp_path: Path) -> None:
    with played_elsewhere(tmp_path / "apart-compose"), pytest.raises(LabError, match="is being played in"):
        run(get("apart"), RunOptions(directory=tmp_path, driver="compose"))


def test_a_driver_that_is_none_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="there is no driver 'swarm'"):
        run(get("apart"), RunOptions(directory=tmp_path, driver="swarm"))


def test_a_scenario_is_played_under_each_policy_it_is_about_or_the_one_asked_for() -> None:
    assert get("cable-cut").policies_for(None) == ("escrow", "optimistic")
    assert get("cable-cut").policies_for("optimistic") == ("optimistic",)
    with pytest.raises(LabError, match="last-unit-two-nodes is played under escrow only"):
        get("last-unit-two-nodes").policies_for("optimistic")


def test_a_scenario_whose_numbers_are_for_so_many_nodes_refuses_others() -> None:
    nodes = tuple(NodeAddress(name, "http://fake") for name in ("a", "b", "c"))
    with pytest.raises(LabError, match="cable-cut needs exactly 2 nodes, this network has 3"):
        get("cable-cut").refuse_network(Network("process", nodes, "escrow"))
    get("cable-cut-majority").refuse_network(Network("process", nodes, "escrow"))

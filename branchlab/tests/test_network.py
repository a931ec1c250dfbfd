"""Planning a network: what may change under one that exists, and what never does."""

from dataclasses import replace
from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.networks import network
from branchlab.networks.network import Network, NodeAddress, UpOptions, plan


def fresh(options: UpOptions) -> Network:
    return plan(None, options, driver="process")


def test_a_fresh_network_has_three_nodes_under_escrow() -> None:
    made = fresh(UpOptions())
    assert made.names == ("matriz", "filial-norte", "filial-sul")
    assert (made.policy, made.url("filial-sul")) == ("escrow", "http://127.0.0.1:18003")


def test_nine_nodes_are_the_most_and_two_the_fewest() -> None:
    assert len(fresh(UpOptions(nodes=9)).nodes) == 9
    for count in (1, 10):
        with pytest.raises(LabError, match=f"2 to 9 nodes, not {count}"):
            fresh(UpOptions(nodes=count))


def test_every_node_needs_a_port() -> None:
    with pytest.raises(LabError, match="3 nodes need 3 ports, not 2"):
        fresh(UpOptions(ports=(20001, 20002)))


def test_an_existing_network_keeps_its_size_policy_and_settings() -> None:
    existing = fresh(UpOptions(nodes=4, policy="optimistic", settings={"REBALANCE_SECONDS": "0"}))
    assert plan(existing, UpOptions(), driver="process") == existing


def test_every_fresh_network_has_a_founding_of_its_own_and_keeps_it() -> None:
    first, second = fresh(UpOptions()), fresh(UpOptions())
    assert first.founding != second.founding
    assert plan(first, UpOptions(), driver="process").founding == first.founding


def test_a_network_of_an_earlier_lab_gets_a_founding_when_it_is_started(tmp_path: Path) -> None:
    network.save(replace(fresh(UpOptions()), founding=""), tmp_path)
    kept = network.load(tmp_path)
    assert kept.founding == ""
    assert plan(kept, UpOptions(), driver="process").founding != ""


@pytest.mark.parametrize("options", [UpOptions(nodes=4), UpOptions(policy="optimistic")])
def test_size_and_policy_change_only_on_a_fresh_network(options: UpOptions) -> None:
    with pytest.raises(LabError, match=r"stays at 3 nodes, policy escrow.*`make down clean` first"):
        plan(fresh(UpOptions()), options, driver="process")


def test_the_driver_changes_only_on_a_fresh_network() -> None:
    with pytest.raises(LabError, match="driver compose run `make down clean` first"):
        plan(fresh(UpOptions()), UpOptions(), driver="compose")


def test_ports_and_settings_may_change() -> None:
    changed = plan(
        fresh(UpOptions()),
        UpOptions(ports=(20001, 20002, 20003), settings={"BCRYPT_ROUNDS": "4"}),
        driver="process",
    )
    assert (changed.url("matriz"), changed.settings["BCRYPT_ROUNDS"]) == ("http://127.0.0.1:20001", "4")


def test_nodes_take_faults_unless_that_is_turned_off() -> None:
    existing = fresh(UpOptions(settings={"LAB_FAULTS": "0"}))

    assert fresh(UpOptions()).settings == {"LAB_FAULTS": "1"}
    assert plan(existing, UpOptions(), driver="process").settings == {"LAB_FAULTS": "0"}


def test_a_network_of_an_earlier_lab_takes_faults_from_its_next_start_on() -> None:
    earlier = replace(fresh(UpOptions()), settings={"REBALANCE_SECONDS": "0"})

    assert plan(earlier, UpOptions(), driver="process").settings == {
        "LAB_FAULTS": "1",
        "REBALANCE_SECONDS": "0",
    }


def test_a_policy_is_taken_by_its_name_only() -> None:
    assert network.parse_policy("optimistic") == "optimistic"
    assert network.parse_policy(None) is None
    with pytest.raises(
        LabError, match="there is no stock policy 'hope'; the policies are escrow, optimistic"
    ):
        network.parse_policy("hope")


def test_the_peers_of_a_node_are_all_the_others() -> None:
    assert [peer.name for peer in fresh(UpOptions()).peers("filial-norte")] == ["matriz", "filial-sul"]


def test_a_network_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    saved = fresh(UpOptions(settings={"A": "1"}, node_settings={"matriz": {"CLOCK_OFFSET_SECONDS": "3600"}}))
    network.save(saved, tmp_path)
    assert network.load(tmp_path) == saved


def test_no_network_says_how_to_start_one(tmp_path: Path) -> None:
    assert network.find(tmp_path) is None
    with pytest.raises(LabError, match="start one with `make up`"):
        network.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"driver": "process"}', '{"nodes": [{"name": "x"}]}'])
def test_a_spoilt_network_file_says_how_to_start_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "network.json").write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match="run `make down clean`"):
        network.load(tmp_path)


def test_an_address_knows_its_port() -> None:
    assert NodeAddress(name="matriz", url="http://127.0.0.1:18001").port == 18001


def test_a_decommissioned_node_is_kept_in_mind_and_is_no_member(tmp_path: Path) -> None:
    made = replace(fresh(UpOptions()), decommissioned=("filial-sul",))
    network.save(made, tmp_path)

    found = network.load(tmp_path)
    assert found == made == plan(found, UpOptions(), driver="process")
    assert [node.name for node in found.members] == ["matriz", "filial-norte"]

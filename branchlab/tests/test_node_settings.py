"""What `./lab up` is asked for, as settings of the nodes."""

from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.networks import network
from branchlab.networks.drivers import NodeState
from branchlab.networks.network import UpOptions, plan
from branchlab.networks.node_settings import asked_for, beside_those_of


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """Where a network is kept whose nodes take faults and have cheap password hashes."""
    network.save(plan(None, UpOptions(settings={"BCRYPT_ROUNDS": "4"}), driver="process"), tmp_path)
    return tmp_path


def test_nothing_asked_for_is_nothing_set() -> None:
    assert asked_for([], faults=None, rights=None) == {}


def test_faults_and_rights_are_settings_of_the_nodes() -> None:
    assert asked_for([], faults=False, rights="still") == {
        "LAB_FAULTS": "0",
        "REBALANCE_SECONDS": "0",
        "TRANSFER_WAIT_SECONDS": "5",
    }


def test_a_setting_that_is_named_goes_before_what_rights_would_set() -> None:
    asked = asked_for(["TRANSFER_WAIT_SECONDS=1"], faults=None, rights="still")
    assert asked == {"REBALANCE_SECONDS": "0", "TRANSFER_WAIT_SECONDS": "1"}


@pytest.mark.parametrize("pair", ["REBALANCE_SECONDS", "=5", ""])
def test_a_setting_needs_a_name_and_a_value(pair: str) -> None:
    with pytest.raises(LabError, match="--set wants NAME=VALUE"):
        asked_for([pair], faults=None, rights=None)


def test_rights_are_moving_or_still() -> None:
    with pytest.raises(LabError, match="rights are moving or still, not 'frozen'"):
        asked_for([], faults=None, rights="frozen")


def test_the_first_network_gets_what_is_asked_for(tmp_path: Path) -> None:
    assert beside_those_of(tmp_path, {"REBALANCE_SECONDS": "0"}, state_of=lambda _name: "stopped") == {
        "REBALANCE_SECONDS": "0"
    }


def test_what_is_asked_for_comes_beside_what_the_network_has(run_dir: Path) -> None:
    assert beside_those_of(run_dir, {"LAB_FAULTS": "0"}, state_of=lambda _name: "stopped") == {
        "LAB_FAULTS": "0",
        "BCRYPT_ROUNDS": "4",
    }


@pytest.mark.parametrize("state", ["running", "paused"])
def test_nodes_that_run_keep_their_settings(run_dir: Path, state: NodeState) -> None:
    with pytest.raises(LabError, match="run without REBALANCE_SECONDS=0; run `make down`, then this again"):
        beside_those_of(run_dir, {"REBALANCE_SECONDS": "0", "LAB_FAULTS": "1"}, state_of=lambda _name: state)


def test_nodes_that_run_may_be_asked_for_what_they_have(run_dir: Path) -> None:
    assert beside_those_of(run_dir, {"LAB_FAULTS": "1"}, state_of=lambda _name: "running") == {
        "LAB_FAULTS": "1",
        "BCRYPT_ROUNDS": "4",
    }

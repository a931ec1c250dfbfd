"""Branches are spread over the nodes by their orders, the same way every time."""

import pytest

from branchlab.errors import LabError
from branchlab.teaching.replay.mapping import assign, parse_overrides, share_workers

UNEVEN = {"Eastern": 417, "Western": 139, "Southern": 127, "Northern": 147}
NODES = ("matriz", "filial-norte", "filial-sul")


def test_the_largest_branch_has_a_node_and_the_smallest_share_the_rest() -> None:
    assert assign(UNEVEN, NODES) == {
        "Eastern": "matriz",
        "Western": "filial-sul",
        "Southern": "filial-sul",
        "Northern": "filial-norte",
    }


def test_four_branches_have_four_nodes() -> None:
    mapping = assign(UNEVEN, (*NODES, "filial-leste"))

    assert sorted(mapping.values()) == ["filial-leste", "filial-norte", "filial-sul", "matriz"]


def test_equal_branches_are_placed_in_their_order() -> None:
    assert assign({"b": 1, "a": 1, "c": 1}, ("x", "y")) == {"b": "x", "a": "y", "c": "x"}


def test_an_override_counts_for_the_branches_placed_after_it() -> None:
    mapping = assign(UNEVEN, NODES, overrides={"Eastern": "filial-sul"})

    assert mapping == {
        "Eastern": "filial-sul",
        "Western": "filial-norte",
        "Southern": "filial-norte",
        "Northern": "matriz",
    }


def test_an_override_to_a_node_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(LabError) as refused:
        assign(UNEVEN, NODES, overrides={"Eastern": "filial-x"})

    assert str(refused.value) == (
        "there is no node 'filial-x'; the nodes are matriz, filial-norte, filial-sul"
    )


def test_an_override_of_a_branch_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(
        LabError, match="there is no branch 'Central' in the history; the branches are Eastern"
    ):
        assign(UNEVEN, NODES, overrides={"Central": "matriz"})


def test_a_branch_that_has_a_nodes_name_plays_there() -> None:
    counts = {"Matriz": 1, "Recife": 9, "FILIAL SUL": 5, "Filial_Norte": 2}

    assert assign(counts, NODES) == {
        "Matriz": "matriz",
        "Recife": "matriz",
        "FILIAL SUL": "filial-sul",
        "Filial_Norte": "filial-norte",
    }


def test_an_override_comes_before_a_nodes_name() -> None:
    assert assign({"Matriz": 1}, NODES, overrides={"Matriz": "filial-sul"}) == {"Matriz": "filial-sul"}


def test_an_override_names_its_branch_as_keys_compare() -> None:
    assert assign(UNEVEN, NODES, overrides={"EASTERN": "filial-sul"})["Eastern"] == "filial-sul"


def test_a_branch_named_in_two_spellings_is_refused() -> None:
    with pytest.raises(LabError, match="names the branch 'Eastern' twice"):
        assign(UNEVEN, NODES, overrides={"Eastern": "matriz", "EASTERN": "filial-sul"})


def test_overrides_are_read_from_the_command_line() -> None:
    assert parse_overrides(["Eastern=matriz", "New = York=filial-sul"]) == {
        "Eastern": "matriz",
        "New = York": "filial-sul",
    }


@pytest.mark.parametrize("pair", ["Eastern", "=matriz", "Eastern=", ""])
def test_an_override_of_another_form_is_refused(pair: str) -> None:
    with pytest.raises(LabError, match="--map wants branch=node"):
        parse_overrides([pair])


def test_a_branch_given_twice_is_refused() -> None:
    with pytest.raises(LabError, match="twice"):
        parse_overrides(["Eastern=matriz", "Eastern=filial-sul"])


@pytest.mark.parametrize(
    ("counts", "concurrency", "expected"),
    [
        (UNEVEN, 8, {"Eastern": 4, "Western": 1, "Southern": 1, "Northern": 2}),
        ({"a": 1, "b": 1}, 8, {"a": 4, "b": 4}),
        ({"a": 1000, "b": 1}, 2, {"a": 1, "b": 1}),
        ({"a": 5, "b": 5, "c": 5}, 1, {"a": 1, "b": 1, "c": 1}),  # the player's slots keep the total at 1
        ({"a": 3}, 8, {"a": 8}),
    ],
)
def test_orders_under_way_are_shared_in_proportion(
    counts: dict[str, int], concurrency: int, expected: dict[str, int]
) -> None:
    assert share_workers(counts, concurrency) == expected

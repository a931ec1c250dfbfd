"""The faults of links are the same everywhere: in the node's rules and its API, and in the lab's words."""

from typing import get_args

import typer.main

from app.api.schemas.faults import ActiveLinkFault, AnyLinkFault
from app.faults import forgery, link_faults
from branchlab import cli
from branchlab.faults import forging, kinds
from branchlab.teaching.torture import schedule

KINDS = {fault.kind for fault in link_faults.FAULTS}


def test_every_fault_of_the_node_has_its_place_among_the_others() -> None:
    assert len(link_faults.FAULTS) == len(KINDS)
    assert sorted(link_faults.ORDER) == sorted(KINDS)


def test_the_api_takes_and_shows_every_fault() -> None:
    wanted = get_args(get_args(AnyLinkFault)[0])
    assert {get_args(one.model_fields["kind"].annotation)[0] for one in wanted} == KINDS
    assert set(get_args(ActiveLinkFault.model_fields["kind"].annotation)) == KINDS


def test_the_lab_knows_every_fault_and_has_a_verb_for_it() -> None:
    assert set(kinds.BY_NAME) == KINDS
    verbs = typer.main.get_command(cli.app)
    assert set(getattr(verbs, "commands", {})) >= KINDS


def test_the_torture_makes_every_fault() -> None:
    assaults = schedule.plan(("a", "b", "c"), seconds=2000.0, seed=1)
    assert {one.kind for one in assaults} >= KINDS


def test_the_lab_knows_every_kind_of_forgery() -> None:
    assert tuple(forging.KINDS) == forgery.KINDS

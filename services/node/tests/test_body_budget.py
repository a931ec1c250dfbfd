"""The budget of all bodies in memory."""

import pytest

from app.security.body_budget import BodyBudget
from app.security.errors import BodiesFull


def test_what_would_go_beyond_the_budget_is_refused_and_not_counted() -> None:
    budget = BodyBudget(160)
    with budget.holding("peer") as one, budget.holding("peer") as two:
        one.add(60)
        two.add(40)
        with pytest.raises(BodiesFull) as refused:
            two.add(1)
        assert (budget.held, refused.value.limit) == (100, 100)
    assert budget.held == 0


def test_a_request_that_fails_gives_its_room_back() -> None:
    budget = BodyBudget(80)

    def fail() -> None:
        with budget.holding("stranger") as held:
            held.add(10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert budget.held == 0


def test_strangers_clients_and_peers_have_shares_of_their_own() -> None:
    budget = BodyBudget(80)
    with budget.holding("stranger") as stranger, budget.holding("client") as client:
        stranger.add(10)
        with pytest.raises(BodiesFull):
            stranger.add(1)
        client.add(20)
        with pytest.raises(BodiesFull):
            client.add(1)
        with budget.holding("peer") as peer:
            peer.add(50)
            assert budget.held == 80

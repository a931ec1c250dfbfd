"""Which connection makes room for another."""

from app.serving.connections import Connections


def crowded(most: int, *, address: str = "10.6.6.6") -> Connections[str]:
    connections = Connections[str](most=most)
    for number in range(most):
        assert connections.admit(f"{address} {number}", address) is None
    return connections


def test_a_flood_ends_its_own_oldest_connections() -> None:
    connections = crowded(3)
    connections.forget("10.6.6.6 2")
    assert connections.admit("ana", "10.0.0.1") is None
    assert connections.admit("bia", "10.0.0.2") == "10.6.6.6 0"
    connections.forget("10.6.6.6 0")
    assert len(connections) == 3


def test_a_connection_that_showed_a_token_keeps_its_place() -> None:
    connections = crowded(3)
    connections.prove("10.6.6.6 0")
    assert connections.admit("ana", "10.0.0.1") == "10.6.6.6 1"


def test_where_all_showed_a_token_the_newest_finds_no_place() -> None:
    connections = crowded(2)
    for number in range(2):
        connections.prove(f"10.6.6.6 {number}")
    assert connections.admit("ana", "10.0.0.1") == "ana"
    connections.forget("ana")
    connections.forget("10.6.6.6 0")
    assert connections.admit("bia", "10.0.0.1") is None


def test_what_is_gone_is_no_mistake() -> None:
    connections = crowded(1)
    for _ in range(2):
        connections.forget("10.6.6.6 0")
        connections.prove("10.6.6.6 0")
    assert len(connections) == 0

"""Lives and their form as a text."""

import pytest

from app.domain.life import Life


def test_a_life_survives_being_a_text() -> None:
    life = Life("matriz", "e1")
    assert (life.key, Life.parse(life.key)) == ("matriz@e1", life)


@pytest.mark.parametrize(
    ("text", "life"),
    [
        ("", Life("", "")),
        ("matriz", Life("matriz", "")),
        ("@e1", Life("", "e1")),
        ("a@b@c", Life("a", "b@c")),
    ],
)
def test_any_text_of_a_peer_can_be_read(text: str, life: Life) -> None:
    assert Life.parse(text) == life


def test_a_life_is_the_pair_that_the_wire_and_the_database_have() -> None:
    assert Life("matriz", "e1") == ("matriz", "e1")

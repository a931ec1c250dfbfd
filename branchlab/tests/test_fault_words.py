"""Faults as people write them."""

import pytest

from branchlab.errors import LabError
from branchlab.faults.words import Link, links_between, parse_delay, parse_share, spoken


@pytest.mark.parametrize(
    ("text", "delay", "jitter"),
    [
        ("800ms", 0.8, 0.0),
        ("800ms±200", 0.8, 0.2),
        ("800ms±200ms", 0.8, 0.2),
        ("800ms+-200", 0.8, 0.2),
        ("800 ms ± 200", 0.8, 0.2),
        ("1.5s", 1.5, 0.0),
        ("1s±200ms", 1.0, 0.2),
        ("2s±1", 2.0, 1.0),
    ],
)
def test_a_delay_has_its_unit_and_its_jitter_has_the_same_or_its_own(
    text: str, delay: float, jitter: float
) -> None:
    assert parse_delay(text) == {"delay_seconds": delay, "jitter_seconds": jitter}


@pytest.mark.parametrize("text", ["", "800", "ms", "-1ms", "800ms±", "fast", "1h", "800ms±200%"])
def test_what_is_no_delay_is_answered_with_how_one_looks(text: str) -> None:
    with pytest.raises(LabError, match=r"a delay looks like 800ms or 800ms±200, not "):
        parse_delay(text)


@pytest.mark.parametrize(("text", "share"), [("30%", 0.3), ("100%", 1.0), ("0.5%", 0.005), ("30 %", 0.3)])
def test_a_share_is_a_percentage(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["0%", "101%", "30", "-5%", "some", ""])
def test_a_share_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(LabError, match="a share is more than 0% and at most 100%"):
        parse_share(text)


def test_links_are_told_as_arrows() -> None:
    assert spoken(links_between("a", "b", one_way=True)) == "a→b"
    assert spoken(links_between("a", "b", one_way=False)) == "a↔b"
    several = [
        *links_between("a", "b", one_way=False),
        Link("c", "a"),
        *links_between("c", "b", one_way=False),
    ]
    assert spoken(several) == "a↔b, c→a, c↔b"

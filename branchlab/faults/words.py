"""Faults as people write them (`800ms±200`, `30%`), and as they are printed again."""

import re
from dataclasses import dataclass

from branchlab.durations import seconds_of
from branchlab.errors import LabError
from branchlab.language import _

DEFAULT_LEASE_SECONDS = 1800.0
LONGEST_LEASE_SECONDS = 3600.0
_DELAY = re.compile(
    r"(?P<delay>\d+(?:\.\d+)?)(?P<unit>ms|s)(?:(?:±|\+-)(?P<jitter>\d+(?:\.\d+)?)(?P<own>ms|s)?)?"
)
_SPAN = re.compile(r"(?P<sign>[+-])(?P<number>\d+(?:\.\d+)?)(?P<unit>s|m|h)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")


@dataclass(frozen=True)
class Link:
    """The calls that one node makes to another."""

    sender: str
    receiver: str


def links_between(one: str, other: str, *, one_way: bool) -> list[Link]:
    """The link from the first to the second, and the one back unless it is `one_way`."""
    there = Link(one, other)
    return [there] if one_way else [there, Link(other, one)]


def parse_delay(text: str) -> dict[str, float]:
    """The settings of a slow link from `800ms`, `800ms±200`, `1s±200ms`; `+-` is as good as `±`. LabError for
    anything else."""
    match = _DELAY.fullmatch(text.replace(" ", ""))
    if match is None:
        raise LabError(_("a delay looks like 800ms or 800ms±200, not '{text}'", text=text))
    unit = match["unit"]
    return {
        "delay_seconds": seconds_of(match["delay"], unit),
        "jitter_seconds": seconds_of(match["jitter"] or "0", match["own"] or unit),
    }


def parse_offset(text: str) -> float:
    """Seconds from `+10m`, `-90s`, `+2h`. LabError for anything else."""
    match = _SPAN.fullmatch(text.replace(" ", "").replace("−", "-"))
    if match is None:
        raise LabError(_("a clock goes wrong by +10m, -90s or +2h, not by '{text}'", text=text))
    seconds = seconds_of(match["number"], match["unit"])
    return -seconds if match["sign"] == "-" else seconds


def parse_share(text: str) -> float:
    """A share between 0 and 1 from `30%`. LabError for anything else, 0 % included."""
    match = _SHARE.fullmatch(text.replace(" ", ""))
    share = float(match[1]) / 100 if match else 0.0
    if not 0 < share <= 1:
        raise LabError(_("a share is more than 0% and at most 100%, not '{text}'", text=text))
    return share


def spoken(links: list[Link]) -> str:
    """`a→b`, or `a↔b` for both directions of one pair; several pairs with commas."""
    words: list[str] = []
    for link in links:
        back = Link(link.receiver, link.sender)
        if back not in links:
            words.append(f"{link.sender}→{link.receiver}")
        elif links.index(link) < links.index(back):
            words.append(f"{link.sender}↔{link.receiver}")
    return ", ".join(words)

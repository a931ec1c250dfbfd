"""What is broken on purpose in a network, as its nodes report it: links, disks and clocks. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from branchlab.language import _, counted, span
from branchlab.networks.status import NetworkReading, NodeReading
from branchlab.networks.words import LINK_FAULTS
from branchlab.nodes.contract import ActiveLinkFault

_WRONG_CLOCK_SECONDS = 1.0
_TOGETHER_SECONDS = 5.0  # leases of both directions that were made by one command end within
_SHARES = ("loss", "chance")


@dataclass(frozen=True)
class Broken:
    """One fault: where it is, what it is in words, and how long it lasts by itself; None is without a lease.

    A fault of a link has its two ends in `ends`, sender first.
    """

    kind: Literal["link", "disk", "clock"]
    where: str
    what: str
    seconds_left: float | None = None
    ends: tuple[str, str] | None = None


def find_broken(reading: NetworkReading) -> list[Broken]:
    """Every fault that a node reports, by node. Both directions of a link are one where their fault is."""
    found: list[Broken] = []
    for fault in (fault for node in reading.nodes for fault in _of_node(node)):
        back = next((one for one in found if _is_way_back(one, fault)), None)
        if back is None or back.ends is None:
            found.append(fault)
        else:
            found[found.index(back)] = replace(back, where=" ↔ ".join(back.ends), ends=None)
    return found


def count_broken(reading: NetworkReading) -> list[str]:
    """`3 links broken`, `1 full disk`…: how much is broken. A link is broken once, whatever its faults."""
    links = {
        frozenset((node.name, link["peer"]))
        for node in reading.nodes
        if node.faults is not None
        for link in node.faults["links"]
    }
    disks = sum(node.faults is not None and node.faults["disk"] is not None for node in reading.nodes)
    clocks = sum(_is_wrong(node) for node in reading.nodes)
    counts = (
        (counted("{n} link broken", "{n} links broken", len(links)), len(links)),
        (counted("{n} full disk", "{n} full disks", disks), disks),
        (counted("{n} wrong clock", "{n} wrong clocks", clocks), clocks),
    )
    return [said for said, n in counts if n]


def _of_node(node: NodeReading) -> Iterator[Broken]:
    if node.faults is not None:
        for link in node.faults["links"]:
            ends = (node.name, link["peer"])
            yield Broken("link", " → ".join(ends), link_words(link), link["seconds_left"], ends)
        if disk := node.faults["disk"]:
            yield Broken("disk", node.name, _("its disk is full"), disk["seconds_left"])
    if _is_wrong(node):
        ahead = node.clock_ahead or 0.0
        text = (
            _("its clock is {span} ahead of this machine's", span=span(ahead))
            if ahead > 0
            else _("its clock is {span} behind this machine's", span=span(-ahead))
        )
        yield Broken("clock", node.name, text)


def link_words(link: ActiveLinkFault) -> str:
    """`cut`, `0.8 s slower ± 0.2 s`: a link's fault with its settings. A kind without words is its name."""
    settings: Mapping[str, Any] = dict(link)
    shown = {
        name: value * 100 if name in _SHARES else value
        for name, value in settings.items()
        if isinstance(value, int | float)
    }
    said = _(LINK_FAULTS.get(link["kind"], link["kind"]), **shown)
    if settings.get("hang_seconds"):
        said = _("{cut}; calls hang {hang_seconds:g} s", cut=said, **shown)
    if settings.get("jitter_seconds"):
        said += _(" ± {jitter_seconds:g} s", **shown)
    return said


def _is_way_back(one: Broken, other: Broken) -> bool:
    return (
        one.ends is not None
        and other.ends is not None
        and one.ends == other.ends[::-1]
        and one.what == other.what
        and abs((one.seconds_left or 0.0) - (other.seconds_left or 0.0)) <= _TOGETHER_SECONDS
    )


def _is_wrong(node: NodeReading) -> bool:
    return node.clock_ahead is not None and abs(node.clock_ahead) >= _WRONG_CLOCK_SECONDS

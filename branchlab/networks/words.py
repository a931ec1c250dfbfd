"""Texts of `./lab status` and `./lab watch` that nodes' reports name: troubles, faults of links, reasons."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from string import Formatter

from branchlab.language import N_, _

TROUBLES: Mapping[str, str] = {
    "blocked": N_("refuses for good: {reason}"),
    "needs_snapshot": N_("needs whole rows: {reason}"),
    "unknown": N_("not heard from yet"),
    "decommissioned": N_("decommissioned"),
}
"""State of a link → its trouble; that of any other state is the reason alone."""

LINK_FAULTS: Mapping[str, str] = {
    "cut": N_("cut"),
    "slow": N_("{delay_seconds:g} s slower"),
    "flaky": N_("loses {loss:g}% of the calls"),
    "duplicate": N_("each call arrives {copies:g} more times"),
    "reorder": N_("{chance:g}% of the calls come late"),
}
"""Kind of a link's fault → what it does, with its settings; shares are in percent."""

_CONVERGED = {True: N_("converged"), False: N_("not converged"), None: N_("convergence unknown")}

# What nodes report of each other (services/node: transport.py, link_faults.py, synchronizer.py).
_REASONS: Sequence[str] = (
    N_("did not answer in {seconds} s"),
    N_("did not answer in time"),
    N_("took no connection in {seconds} s"),
    N_("took no connection in time"),
    N_("took no data in {seconds} s"),
    N_("refuses connections"),
    N_("has a name that leads nowhere"),
    N_("cannot be reached: {why}"),
    N_("ended the connection without an answer"),
    N_("too many calls are under way here"),
    N_("the call failed: {why}"),
    N_("the lab cut this link"),
    N_("the lab lost this message"),
    N_("the lab holds this message back"),
    N_("the lab's slow link took longer than the sender waits"),
    N_("the answer is not a member's, or was damaged on its way"),
    N_("the answer is not readable"),
    N_("the peer did not move on"),
    N_("the peer began another life before it answered"),
    N_("lacks what the log here no longer has"),
    N_("does not fit this node: {why}"),
    N_("lives on in epoch {epoch}, which is over"),
    N_("is decommissioned"),
    N_("sent what no honest node sends: {what}"),
    N_("{url} is {node}, not {peer}"),
    N_("{peer} acknowledges {what}, which is none of this disk"),
    N_("own storage: {why}"),
    N_("internal: {why}"),
)
_ONE_WORD, _ANY_WORDS = r"\S+", ".*"
_LONG = ("why", "what", "epoch")

# Answers, and what earlier versions report: the name of a class.
_OTHER_FORMS: Sequence[tuple[str, str]] = (
    (r"(?P<status>\d{3}) (?P<code>[a-z_]+)", N_("answered {status} ({code})")),
    (r"(?P<status>\d{3})", N_("answered {status}")),
    (r"(?P<status>\d{3}) (?P<said>.+)", N_("answered {status}: {said}")),
    ("(?:Read)?Timeout(?:Exception)?(?:: .*)?", N_("did not answer in time")),
    ("ConnectTimeout(?:: .*)?", N_("took no connection in time")),
    ("ConnectError: .*refused.*", N_("refuses connections")),
    ("ConnectError: .*(?:not known|resolution).*", N_("has a name that leads nowhere")),
    ("ConnectError: (?P<why>.*)", N_("cannot be reached: {why}")),
    ("(?:Read|Write|RemoteProtocol|Close)Error(?:: .*)?", N_("ended the connection without an answer")),
)


def reason_words(said: str) -> str:
    """What a node reports as a reason, in the language spoken; unchanged where it is not a known one."""
    for pattern, text in (*_OTHER_FORMS, *((_pattern(text), text) for text in _REASONS)):
        if match := re.fullmatch(pattern, said, re.DOTALL):
            return _(text, **match.groupdict())
    return said


@cache
def _pattern(text: str) -> str:
    """What finds a text with its `{…}` filled in, each as a group of that name."""
    return "".join(
        re.escape(plain) + (f"(?P<{name}>{_ANY_WORDS if name in _LONG else _ONE_WORD})" if name else "")
        for plain, name, _spec, _conversion in Formatter().parse(text)
    )


def convergence_words(converged: bool | None) -> str:
    """Whether all nodes agree, in a word or two; None is unknown."""
    return _(_CONVERGED[converged])

"""Waits for nodes to answer, and explains why one does not."""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence

import httpx

from branchlab.errors import NotInTimeError
from branchlab.language import _, shown, spoken
from branchlab.networks.network import NodeAddress
from branchlab.nodes.reasons import reason_of
from branchlab.poll import poll_blocking
from branchlab.steps import Step, Tell, first_of, silent

_POLL_SECONDS = 0.1
_REQUEST_SECONDS = 2.0
# Nodes speak plain HTTP, and loading the machine's authorities takes longer than asking all of them.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def wait_answering(
    nodes: Sequence[NodeAddress],
    *,
    seconds: float,
    check: Callable[[NodeAddress], None],
    check_every: float = 0.0,
) -> None:
    """Returns when every node's process answers (`/healthz`), whether or not it may serve yet; `check` and
    `check_every` are those of `wait_ready`."""
    _wait(nodes, "/healthz", seconds=seconds, check=check, check_every=check_every)


def wait_ready(
    nodes: Sequence[NodeAddress],
    *,
    seconds: float,
    check: Callable[[NodeAddress], None],
    check_every: float = 0.0,
    tell: Tell = silent,
) -> None:
    """Returns when every node is ready to serve (`/readyz`).

    `check` is called for each node still awaited and raises LabError when waiting for it is in vain; at each
    try, or where it costs more than a try does, only when `check_every` seconds have gone by since the last.
    `tell` gets how many are ready, and whom it waits for and why.
    After `seconds` NotInTimeError names the first node that is not ready, and what it says about that.
    """
    _wait(nodes, "/readyz", seconds=seconds, check=check, check_every=check_every, tell=tell)


def _wait(
    nodes: Sequence[NodeAddress],
    path: str,
    *,
    seconds: float,
    check: Callable[[NodeAddress], None],
    check_every: float,
    tell: Tell = silent,
) -> None:
    due = time.monotonic()
    waiting: dict[NodeAddress, str | None] = dict.fromkeys(nodes)  # and what each said last
    with httpx.Client(timeout=_REQUEST_SECONDS, trust_env=False, verify=_NO_AUTHORITIES) as client:

        def ask() -> bool:
            nonlocal due
            before = len(waiting)
            for node in [*waiting]:
                waiting[node] = _answer(client, node.url + path)
                if waiting[node] is None:
                    del waiting[node]
            _tell_ready(tell, len(nodes), waiting, is_news=len(waiting) < before)
            if time.monotonic() >= due:
                for node in waiting:
                    check(node)
                due = time.monotonic() + check_every
            return not waiting

        if not poll_blocking(ask, seconds=seconds, every=_POLL_SECONDS):
            node, said = next(iter(waiting.items()))
            raise NotInTimeError(
                _(
                    "{name} is not ready after {seconds:.0f} s: {said}",
                    name=node.name,
                    seconds=seconds,
                    said=said,
                )
            )


def _tell_ready(tell: Tell, total: int, waiting: Mapping[NodeAddress, str | None], *, is_news: bool) -> None:
    """How many are ready, and whom the others wait for and why."""
    if waiting:
        ready = total - len(waiting)
        obstacles = [f"{node.name}: {said}" for node, said in waiting.items()]
        words = _(
            "{ready} of {total} nodes are ready; waiting for {first}",
            ready=ready,
            total=total,
            first=first_of(obstacles),
        )
        tell(Step(words, done=ready, total=total, passing=not is_news))


def _answer(client: httpx.Client, url: str) -> str | None:
    """None when the node says yes, else what stands in the way."""
    try:
        response = client.get(url, headers={"Accept-Language": spoken()})
    except httpx.HTTPError as error:
        return f"{url} {shown(reason_of(error))}"
    if response.is_success:
        return None
    return _detail(response)


def _detail(response: httpx.Response) -> str:
    """What the node's problem document or its /readyz says, without the full stop of its last sentence: it
    stands within a line. Its status where it says nothing."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict) and (
        said := problem.get("detail") or problem.get("title") or problem.get("reason")
    ):
        return str(said).removesuffix(".")
    return f"HTTP {response.status_code}"

"""Whether nodes keep the contract: every check on every node, and what came of each."""

import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx

from branchlab.language import _
from branchlab.teaching.ladder.checks import CHECKS, Check
from branchlab.teaching.ladder.visit import Broken, NotAskedError, Visit

_TIMEOUT = 15.0


@dataclass(frozen=True)
class Checked:
    """What came of one check at one node: kept, broken (`why`), or not asked (None)."""

    url: str
    check: Check
    kept: bool | None
    why: str = ""


async def conform(
    urls: Sequence[str],
    *,
    username: str,
    password: str,
    rungs: Sequence[int] = (1, 2, 3),
    transport: httpx.AsyncBaseTransport | None = None,
) -> list[Checked]:
    """Every check of these rungs, node by node; those that are about several nodes once, at the first.

    A check that needs what a broken one should have made is not asked."""
    async with AsyncExitStack() as stack:
        visits = [
            Visit(
                await stack.enter_async_context(
                    httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, trust_env=False, transport=transport)
                ),
                username,
                password,
                tag=f"T{secrets.token_hex(3).upper()}",
            )
            for url in urls
        ]
        found: list[Checked] = []
        for visit, url in zip(visits, urls, strict=True):
            alone = [check for check in CHECKS if check.rung in rungs and check.rung < 3]
            found += await _visit(visit, url, alone)
        if len(visits) > 1 and 3 in rungs and all(one.kept for one in found):
            visits[0].peers = tuple(visits[1:])
            found += await _visit(visits[0], urls[0], [check for check in CHECKS if check.rung == 3])
        return found


async def _visit(visit: Visit, url: str, checks: Sequence[Check]) -> list[Checked]:
    found: list[Checked] = []
    for check in checks:
        try:
            await check.run(visit)
        except NotAskedError:
            found.append(Checked(url, check, None))
        except Broken as broken:
            found.append(Checked(url, check, False, str(broken)))
        else:
            found.append(Checked(url, check, True))
    return found


def lines(found: Sequence[Checked]) -> list[str]:
    """A table, a line for each check, below the node that was asked."""
    width = max(len(one.check.route) for one in found)
    words = max(len(_(one.check.says)) for one in found)
    shown: list[str] = []
    for number, one in enumerate(found):
        if number == 0 or found[number - 1].url != one.url:
            shown.append(one.url)
        mark = {True: "ok", False: "NO", None: "--"}[one.kept]
        why = _("not asked, since an earlier one failed") if one.kept is None else one.why
        shown.append(f"  {mark}  {one.check.route:<{width}}  {_(one.check.says):<{words}}  {why}".rstrip())
    return shown

"""An error that nobody expected ends no part of a node until its next start: it is shown, and the part goes
on."""

from collections.abc import Callable
from typing import Any

import pytest

from app.sync.catchup.catch_up import CatchUp
from app.sync.damage.salvaging import Salvaging
from app.sync.lifecycle.bootstrap import Bootstrap
from app.sync.synchronizer import ReplicaSynchronizer
from tests.recovery.damage import zeroed
from tests.recovery.salvaging import accounts, founded, sell_alone
from tests.recovery.trial import NAMES, Trial
from tests.support.virtual import eventually

pytestmark = [pytest.mark.anyio, pytest.mark.whole]


def failing_once(work: Callable[..., Any]) -> Callable[..., Any]:
    """The work, which fails the first time that anybody does it."""
    failed: list[object] = []

    async def do(self: Any, *arguments: Any) -> Any:
        if not failed:
            failed.append(self)
            raise RuntimeError("a mistake")
        return await work(self, *arguments)

    return do


@pytest.mark.parametrize(
    ("part", "work", "name"),
    [
        (ReplicaSynchronizer, "_serve", "synchronizer"),
        (Bootstrap, "_is_over", "bootstrap"),
        (Salvaging, "once", "salvaging"),
        (CatchUp, "_do", "catch-up"),
    ],
    ids=["sending", "founding", "salvaging", "fetching"],
)
async def test_a_part_that_fails_is_begun_again(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, part: type, work: str, name: str
) -> None:
    await founded(trial)
    (alone,) = await sell_alone(trial, "sul")
    zeroed("audit")(trial.company.path("sul"))
    await trial.start("norte")
    await trial.start("matriz")
    monkeypatch.setattr(part, work, failing_once(getattr(part, work)))

    await trial.start("sul", ready=False)

    await eventually(lambda: trial["sul"].ready, within=300)
    await accounts(trial, "sul")
    await trial.verify()
    assert await trial.has("matriz", alone)
    alarms = {node: (await trial[node].status()).alarms.get("stands_still") for node in NAMES}
    assert [alarm.count for alarm in alarms.values() if alarm] == [1]
    assert f"{name}: " in str(alarms)

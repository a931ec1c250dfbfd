"""A poll of a stage takes a node that refuses for a while as one that is not there yet."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from branchlab.checking.runlog import read_records
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.teaching.scenarios import stage as stage_module
from branchlab.teaching.scenarios.stage import Stage
from branchlab.tests.fake_node import FakeNode, problem
from branchlab.tests.stages import on_stage

Answer = bool | Exception
PASSING = [
    Refused(503, "storage_failed", {"detail": "Surely nothing was stored. Try again."}),
    Refused(503, "not_ready", {}),
    Refused(401, "unauthenticated", {}),
    Refused(0, "unreachable", {}),
    Unknown("ReadTimeout"),
]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_module, "_POLL_SECONDS", 0.0)


def answering(*answers: Answer) -> Callable[[], Awaitable[bool]]:
    """A condition that says or raises these one after the other, and the last one from then on."""
    left = list(answers)

    async def ask() -> bool:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def until(directory: Path, condition: Callable[[], Awaitable[bool]], *, deadline: float = 60.0) -> Stage:
    return on_stage(
        FakeNode(), directory, lambda stage: stage.until(condition, "it is not so", deadline_seconds=deadline)
    )


@pytest.mark.parametrize("answer", PASSING, ids=str)
def test_a_node_that_refuses_for_a_while_is_asked_again(tmp_path: Path, answer: Exception) -> None:
    assert until(tmp_path, answering(answer, False, answer, True)).failures == []


def test_what_does_not_hold_at_the_deadline_is_no_failure_and_says_what_the_node_answered_last(
    tmp_path: Path,
) -> None:
    stage = until(tmp_path, answering(PASSING[1]), deadline=0)

    assert stage.failures == []
    assert stage.unjudged == ["it is not so (waited 0 s, last answer: 503 not_ready: no reason given)"]


def test_a_condition_that_does_not_hold_in_time_is_unjudged(tmp_path: Path) -> None:
    assert until(tmp_path, answering(False), deadline=0).unjudged == ["it is not so (waited 0 s)"]


def test_a_refusal_that_lasts_is_no_reason_to_wait(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="404 not_found"):
        until(tmp_path, answering(Refused(404, "not_found", {})))


class DamagedNode(FakeNode):
    """Cannot tell its status so many times, as a node whose file is ruined; then it lives another life."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures
        self.epoch = "e1"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.epoch == "e2" and self.failures and request.url.path == "/status":
            self.failures -= 1
            return problem(503, "storage_failed")
        return await super().handle_async_request(request)

    def _status(self) -> dict[str, object]:
        return {**super()._status(), "epoch": self.epoch}


def test_what_is_acknowledged_on_a_ruined_disk_until_its_life_is_over_is_at_risk(tmp_path: Path) -> None:
    node = DamagedNode(failures=3)

    async def play(stage: Stage) -> None:
        operations = stage.operations

        def ruin() -> None:
            node.epoch = "e2"

        async def until_over() -> None:
            await operations.place(node.name, "ANA", [{"sku": "CAFE", "quantity": 1}], key="late")

            async def rebuilt() -> bool:
                return (await stage.status(node.name))["epoch"] == "e2"

            await stage.until(rebuilt, "it did not rebuild")

        await stage.lose_disk(node.name, "corrupt", ruin, until_over=until_over)

    assert on_stage(node, tmp_path, play).failures == []
    (lost,) = (record for record in read_records(tmp_path / "run.jsonl") if record["kind"] == "disk.lost")
    assert lost["at_risk"] == ["id-1"]

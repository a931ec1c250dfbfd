"""A count is tried again while a member blocks it, and asked about when more is gone than is frozen."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from branchlab.faults import decisions
from branchlab.faults.command import Clients
from branchlab.networks import network
from branchlab.networks.network import UpOptions
from branchlab.nodes.contract import Stock
from branchlab.nodes.outcome import Refused
from branchlab.nodes.stock_counts import below_zero, when_unblocked
from branchlab.tests.fake_node import PASSWORD, USERNAME, FakeNode
from branchlab.tests.program import exit_code

BLOCKED = Refused(409, "count_blocked", {"member": "filial-sul"})


def counting(*answers: Refused | int) -> Callable[[], Awaitable[int]]:
    left = list(answers)

    async def count() -> int:
        answer = left.pop(0)
        if isinstance(answer, Refused):
            raise answer
        return answer

    return count


def test_a_count_that_a_late_word_blocks_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchlab.poll.EVERY_SECONDS", 0.0)
    assert asyncio.run(when_unblocked(counting(BLOCKED, BLOCKED, 7))) == 7


def test_a_member_that_goes_on_blocking_is_named() -> None:
    with pytest.raises(Refused, match="409 count_blocked"):
        asyncio.run(when_unblocked(counting(BLOCKED), deadline_seconds=0))


def test_another_refusal_is_told_at_once() -> None:
    with pytest.raises(Refused, match="422 invalid"):
        asyncio.run(when_unblocked(counting(Refused(422, "invalid", {}), 7)))


def stock_with(frozen: int) -> Stock:
    return {
        "id": "id-1",
        "sku": "CAFE-500",
        "available": 40,
        "frozen": frozen,
        "oversold": 0,
        "here": 10,
        "deficits": [],
        "hearsay": [],
        "rows": [],
    }


@pytest.mark.parametrize(
    ("frozen", "gone"), [(20, 0), (20, 20), (20, -1), (0, 0), (0, -1), (-1, 0), (-1, -1)]
)
def test_a_count_of_what_is_frozen_needs_no_question(frozen: int, gone: int) -> None:
    assert below_zero(stock_with(frozen), gone=gone) is None


@pytest.mark.parametrize(("frozen", "gone", "has", "beyond"), [(20, 21, 20, 1), (0, 3, 0, 3), (-1, 1, 0, 1)])
def test_a_count_of_more_than_is_frozen_says_by_how_much(
    frozen: int, gone: int, has: int, beyond: int
) -> None:
    assert below_zero(stock_with(frozen), gone=gone) == (
        f"only {has} of CAFE-500 are frozen, not {gone}: branches could still sell the {beyond} beyond that,"
        " which nobody has, until another count corrects it"
    )


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    """The node that counts, with 20 of CAFE-500 frozen, behind `./lab count`."""
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("LAB_ENV_FILE", str(tmp_path / "env"))
    network.save(network.plan(None, UpOptions(nodes=2), driver="process"), tmp_path / "run")
    node = FakeNode("filial-norte")
    node.frozen["CAFE-500"] = 20

    def with_clients(
        needed: Sequence[str], act: Callable[[Clients], Awaitable[None]], _run_dir: Path, _env_file: Path
    ) -> None:
        async def run() -> None:
            async with node.client() as client:
                await client.login(USERNAME, PASSWORD)
                await act(dict.fromkeys(needed, client))

        asyncio.run(run())

    monkeypatch.setattr(decisions, "with_clients", with_clients)
    return node


def run_count(*arguments: str) -> int:
    return exit_code("count", "CAFE-500", *arguments)


def counts(node: FakeNode) -> int:
    return node.asked.count(("POST", "/stock/CAFE-500/count"))


def test_more_gone_than_frozen_is_not_counted_unless_the_product_is_typed(
    counter: FakeNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert (run_count("--gone", "21"), counts(counter)) == (2, 0)
    said = capsys.readouterr()
    assert "only 20 of CAFE-500 are frozen, not 21" in said.out + said.err
    monkeypatch.setattr("sys.stdin", io.StringIO("CAFE-500\n"))
    assert (run_count("--gone", "21"), counts(counter)) == (0, 1)
    assert "21 are written off, 1 more are gone than were frozen" in capsys.readouterr().out


def test_yes_stands_for_the_answer_and_a_count_within_what_is_frozen_asks_nothing(
    counter: FakeNode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (run_count("--gone", "3"), counts(counter)) == (0, 1)
    assert "3 are written off, 0 stay frozen" in capsys.readouterr().out
    assert (run_count("--gone", "5", "--yes"), counts(counter)) == (0, 2)

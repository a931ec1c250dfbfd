"""A scenario of the lesson on a stage with one fake node: what it writes, and what comes of its findings."""

import json
from pathlib import Path
from typing import Any

import httpx

from branchlab.checking.runlog import read_records
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.teaching.lesson.ballot import Ballot
from branchlab.teaching.lesson.loader import FILES, Loaded, load
from branchlab.teaching.lesson.player import Performance
from branchlab.teaching.scenarios.stage import Stage
from branchlab.tests.fake_node import FakeNode
from branchlab.tests.stages import on_stage

WHOLE = (FILES / "s0-warm-up.yaml").read_text("utf-8")


def loaded_text(steps: str, expect: str) -> str:
    """A scenario for one node with 30 units, these steps and what should come of them."""
    head, _, _ = WHOLE.partition("method:")
    end = 'rollback: always\nexplain: {pt-BR: "porque sim", en: "because"}\n'
    return f"{head}method:\n  - {{stock: cafe, units: 30}}\n{steps}{expect}{end}"


def loaded(directory: Path, *, expected: int = 2) -> Loaded:
    """A scenario for one node: two orders, of which so many should be taken."""
    text = loaded_text(
        "  - {sell: cafe, at: [matriz], orders: [2], as: sale}\n  - {again: sale, as: retry}\n",
        f"expect: [{{that: sale.ok, is: {expected}}}, {{that: sale.ms, most: 3}}]\n",
    )
    path = directory / "s0-warm-up.yaml"
    path.write_text(text.replace("observe: seen.ms", "observe: sale.ok, theory: 2"))
    return load(path)


def played(directory: Path, *, expected: int = 2, vote: int | None = 3) -> tuple[Any, list[dict[str, Any]]]:
    """The stage after the play, and the records of its run log."""
    one = loaded(directory, expected=expected)
    ballot = Ballot(one.lesson.predict)
    if vote is not None:
        ballot.cast(0, "ana", vote)
    stage = on_stage(FakeNode(), directory, Performance(one, ballot).play)
    lines = (directory / "run.jsonl").read_text("utf-8").splitlines()
    return stage, [json.loads(line) for line in lines]


def test_predictions_are_locked_in_the_log_before_the_first_step(tmp_path: Path) -> None:
    _, records = played(tmp_path)
    kinds = [record["kind"] for record in records]
    assert kinds.index("prediction") < kinds.index("lesson.step") < kinds.index("op.invoke", 5)
    (prediction,) = [record for record in records if record["kind"] == "prediction"]
    assert prediction["votes"] == [3]


def test_what_was_observed_is_compared_with_class_and_theory_in_percent(tmp_path: Path) -> None:
    stage, records = played(tmp_path)
    (result,) = [record for record in records if record["kind"] == "prediction.result"]
    assert (result["observed"], result["predicted"], result["theory"]) == (2, 3, 2)
    assert (result["class_error"], result["theory_error"]) == (50.0, 0.0)
    assert any("class 3 (50%)" in fact for fact in stage.facts)


def test_an_expectation_that_is_not_met_is_a_failure_and_one_without_a_fact_is_not_judged(
    tmp_path: Path,
) -> None:
    stage, records = played(tmp_path, expected=5)
    assert stage.failures == ["sale.ok should be 5, was 2"]
    assert [one for one in stage.unjudged if "sale.ms" in one]
    expects = {record["that"]: record["holds"] for record in records if record["kind"] == "expect"}
    assert expects == {"sale.ok": False, "sale.ms": None}


def test_the_same_key_gives_the_same_order_again(tmp_path: Path) -> None:
    node = FakeNode()
    one = loaded(tmp_path)
    performance = Performance(one, Ballot(one.lesson.predict))
    on_stage(node, tmp_path, performance.play)
    asked = [path for method, path in node.asked if (method, path) == ("POST", "/orders")]
    assert len(asked) == 3


class NodeWithADisk(FakeNode):
    """Takes faults off, says that it is ready, and forgets its orders with its disk."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path in ("/readyz", "/faults"):
            return httpx.Response(200, json={"ready": True})
        return await super().handle_async_request(request)


class WipingDriver(ProcessDriver):
    """Wipes a node that is no process."""

    def __init__(self, directory: Path, node: FakeNode) -> None:
        super().__init__(directory)
        self._node = node

    def wipe(self, node: str) -> None:
        self._node.orders.clear()


def test_the_orders_that_went_with_a_disk_are_named(tmp_path: Path) -> None:
    """No node has them any more: their numbers are those that their customers were told."""
    path = tmp_path / "s0-warm-up.yaml"
    text = loaded_text(
        "  - {sell: cafe, at: [matriz], orders: [2], as: sale}\n  - {wipe: matriz, as: rebuilt}\n",
        "expect: [{that: rebuilt.lost, is: 2}]\n",
    )
    path.write_text(text.replace("observe: seen.ms", "observe: rebuilt.lost"))
    node, said = NodeWithADisk(), list[str]()
    one = load(path)
    performance = Performance(one, Ballot(one.lesson.predict), say=said.append)

    async def play(stage: Stage) -> None:
        stage.driver = WipingDriver(tmp_path, node)
        await performance.play(stage)

    assert on_stage(node, tmp_path, play).failures == []
    (gone,) = (record for record in read_records(tmp_path / "run.jsonl") if record["kind"] == "lesson.gone")
    assert (gone["step"], gone["orders"]) == ("rebuilt", ["matriz-1", "matriz-2"])
    assert "    Gone with the disk: matriz-1, matriz-2" in said

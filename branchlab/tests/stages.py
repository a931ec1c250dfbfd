"""A stage with one fake node, for what scenarios do."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from branchlab.checking.operations import Operations
from branchlab.checking.runlog import RunLog
from branchlab.networks.drivers.process import ProcessDriver
from branchlab.networks.network import Network, NodeAddress
from branchlab.settings import Secrets
from branchlab.teaching.scenarios.stage import Stage
from branchlab.tests.fake_node import PASSWORD, USERNAME, FakeNode


def on_stage(
    node: FakeNode, directory: Path, play: Callable[[Stage], Awaitable[object]], *, rounds: int = 1
) -> Stage:
    """The stage after the play; its run log is in the directory."""

    async def run() -> Stage:
        async with node.client() as client:
            await client.login(USERNAME, PASSWORD)
            with RunLog(directory / "run.jsonl") as log:
                stage = Stage(
                    driver=ProcessDriver(directory),
                    network=Network("process", (NodeAddress(node.name, "http://fake"),), "escrow"),
                    secrets=Secrets("c", "j", "r", USERNAME, PASSWORD),
                    operations=Operations({node.name: client}, log, random=Random(1)),
                    random=Random(1),
                    rounds=rounds,
                    seconds=0,
                    tag="T",
                )
                await play(stage)
                return stage

    return asyncio.run(run())

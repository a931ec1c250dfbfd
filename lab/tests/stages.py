"""A stage with one fake node, for what scenarios do."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from lab.checking.operations import Operations
from lab.checking.runlog import RunLog
from lab.networks.drivers.process import ProcessDriver
from lab.networks.network import Network, NodeAddress
from lab.settings import Secrets
from lab.teaching.scenarios.stage import Stage
from lab.tests.fake_node import PASSWORD, USERNAME, FakeNode


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

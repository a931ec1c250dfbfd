"""Plays a scenario on a network of its own (or on the one that runs) and stops whatever it started."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lab import network, ports, settings
from lab.drivers import Driver, choose, get_driver
from lab.errors import LabError
from lab.faults import gates
from lab.interruption import terminate_as_interrupt
from lab.network import Network, Policy, UpOptions
from lab.outcome import Refused, Unknown
from lab.runlog import RunLog
from lab.running import keep_to_one
from lab.scenarios.stage import Scenario, Stage
from lab.session import conclude, open_operations, verdict_lines
from lab.settings import Secrets
from lab.verdict import Verdict

_LOG_NAME = "run.jsonl"
_ANSWER_SECONDS = 30.0  # an order may wait TRANSFER_WAIT_SECONDS for its peers, 10 s in some scenarios
_MOST_FAILURES = 10  # on screen

DEFAULT_DIRECTORY = settings.ROOT / "build" / "scenarios"


@dataclass(frozen=True)
class RunOptions:
    """What `lab run` is asked for; None takes the scenario's own default."""

    rounds: int | None = None
    seconds: float | None = None
    seed: int = 1
    policy: Policy | None = None
    driver: str = "process"
    directory: Path = DEFAULT_DIRECTORY


@dataclass(frozen=True)
class _Running:
    """A network that is up."""

    driver: Driver
    network: Network
    secrets: Secrets


@dataclass(frozen=True)
class Outcome:
    """What came of one play: the scenario's own findings and the verdict over its run log."""

    facts: tuple[str, ...]
    failures: tuple[str, ...]
    verdict: Verdict
    log: Path

    @property
    def exit_code(self) -> int:
        """0 when all went as it should, 1 when not, 2 when that cannot be told."""
        return 1 if self.failures else self.verdict.exit_code

    def lines(self) -> list[str]:
        """The short plain summary."""
        hidden = len(self.failures) - _MOST_FAILURES
        return [
            *(f"  {fact}" for fact in self.facts),
            *(f"  FAILED: {failure}" for failure in self.failures[:_MOST_FAILURES]),
            *([f"  … and {hidden} more failures"] if hidden > 0 else []),
            *verdict_lines(self.verdict),
        ]


def run(scenario: Scenario, options: RunOptions) -> list[Outcome]:
    """Plays the scenario on fresh networks under `options.directory` and always stops them. Run logs stay
    until the next run; so do data and node logs, but of containers nothing is left. One outcome for each of
    its policies, or for each round of a `fresh_rounds` scenario.
    """
    driver = choose(options.driver, options.directory).name
    place = options.directory / (scenario.name if driver == "process" else f"{scenario.name}-{driver}")
    rounds = options.rounds or scenario.rounds
    if scenario.fresh_rounds:
        plays = [(policy, 1, f"round-{n}") for policy in scenario.policies for n in range(1, rounds + 1)]
    else:
        plays = [(policy, rounds, policy) for policy in scenario.policies]
    chosen = scenario.policies_for(options.policy)
    several = len(plays) > 1
    return [
        _run_fresh(
            scenario,
            options,
            driver,
            policy=policy,
            rounds=many,
            directory=place / name if several else place,
        )
        for policy, many, name in plays
        if policy in chosen
    ]


def run_here(scenario: Scenario, options: RunOptions, *, run_dir: Path, env_file: Path) -> Outcome:
    """Plays the scenario on the network that runs already, and heals what it broke; the network stays up."""
    current = network.load(run_dir)
    scenario.refuse_network(current)
    if current.policy not in scenario.policies_for(options.policy):
        raise LabError(f"this network sells by the policy {current.policy}, which was not asked for")
    driver = get_driver(current.driver, run_dir, env_file=env_file)
    running = _Running(driver, current, settings.load_or_create(env_file))
    try:
        with RunLog(run_dir / _LOG_NAME) as log:
            rounds = options.rounds or scenario.rounds
            return asyncio.run(_play(scenario, options, running, log, rounds=rounds))
    finally:
        if scenario.breaks_links:
            asyncio.run(gates.lift_everywhere(current, running.secrets, state_of=driver.state))
        driver.heal()


def _run_fresh(
    scenario: Scenario, options: RunOptions, chosen: str, *, policy: Policy, rounds: int, directory: Path
) -> Outcome:
    env_file = directory / "env"
    driver = get_driver(chosen, directory / "network", env_file=env_file)
    with keep_to_one(directory), terminate_as_interrupt():
        try:
            driver.clean()
            wanted = UpOptions(
                nodes=scenario.nodes,
                policy=policy,
                ports=ports.find_free(scenario.nodes),
                settings=dict(scenario.settings),
            )
            running = _Running(driver, driver.up(wanted), settings.load_or_create(env_file))
            with RunLog(directory / _LOG_NAME) as log:
                return asyncio.run(_play(scenario, options, running, log, rounds=rounds))
        finally:
            driver.down() if chosen == "process" else driver.clean()


async def _play(
    scenario: Scenario, options: RunOptions, running: _Running, log: RunLog, *, rounds: int
) -> Outcome:
    current = running.network
    tag = f"{scenario.name[:2].upper()}{os.urandom(2).hex().upper()}"
    random = Random(options.seed)
    log.start(
        run=tag,
        what=scenario.name,
        seed=options.seed,
        nodes={node.name: node.url for node in current.nodes},
        policy=current.policy,
        driver=current.driver,
        may_oversell=current.policy == "optimistic",
    )
    async with open_operations(
        current, running.secrets, log, random=random, answer_seconds=_ANSWER_SECONDS
    ) as operations:
        stage = Stage(
            driver=running.driver,
            network=current,
            secrets=running.secrets,
            operations=operations,
            random=random,
            rounds=rounds,
            seconds=options.seconds or scenario.seconds,
            tag=tag,
        )
        await stage.converge()
        await operations.read("before")
        await _play_plainly(scenario, stage)
        verdict = await conclude(operations)
    return Outcome(tuple(stage.facts), tuple(stage.failures), verdict, log.path)


async def _play_plainly(scenario: Scenario, stage: Stage) -> None:
    """Plays it; what it did not expect a node to refuse becomes one plain line, also from among its tasks."""
    try:
        await scenario.play(stage)
    except ExceptionGroup as failed:
        raise _plain(failed.exceptions[0]) from failed
    except (Refused, Unknown) as error:
        raise _plain(error) from error


def _plain(error: Exception) -> Exception:
    if isinstance(error, Refused | Unknown):
        return LabError(f"a node did not do what the scenario needs ({error}); its node.log may tell why")
    return error

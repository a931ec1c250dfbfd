"""Plays a scenario on a network of its own (or on the one that runs) and stops whatever it started."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lab import settings
from lab.checking.run import LOG_NAME, RunOutcome, begin, new_tag
from lab.checking.runlog import RunLog
from lab.errors import LabError
from lab.faults import gates
from lab.networks import network
from lab.networks.drivers import choose, get_driver
from lab.networks.network import Policy, UpOptions
from lab.networks.running import Running, network_of_its_own
from lab.nodes.outcome import Refused, Unknown
from lab.teaching.scenarios.stage import Scenario, Stage

_ANSWER_SECONDS = 30.0  # an order may wait TRANSFER_WAIT_SECONDS for its peers, 10 s in some scenarios

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


def run(scenario: Scenario, options: RunOptions) -> list[RunOutcome]:
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


def run_here(scenario: Scenario, options: RunOptions, *, run_dir: Path, env_file: Path) -> RunOutcome:
    """Plays the scenario on the network that runs already, and heals what it broke; the network stays up."""
    current = network.load(run_dir)
    scenario.refuse_network(current)
    if current.policy not in scenario.policies_for(options.policy):
        raise LabError(f"this network sells by the policy {current.policy}, which was not asked for")
    driver = get_driver(current.driver, run_dir, env_file=env_file)
    running = Running(driver, current, settings.load_or_create(env_file), started=False)
    try:
        with RunLog(run_dir / LOG_NAME) as log:
            rounds = options.rounds or scenario.rounds
            return asyncio.run(_play(scenario, options, running, log, rounds=rounds))
    finally:
        if scenario.breaks_links:
            asyncio.run(gates.lift_everywhere(current, running.secrets, state_of=driver.state))
        driver.heal()


def _run_fresh(
    scenario: Scenario, options: RunOptions, chosen: str, *, policy: Policy, rounds: int, directory: Path
) -> RunOutcome:
    wanted = UpOptions(nodes=scenario.nodes, policy=policy, settings=dict(scenario.settings))
    with (
        network_of_its_own(chosen, directory, wanted, keeps_data=chosen == "process") as running,
        RunLog(directory / LOG_NAME) as log,
    ):
        return asyncio.run(_play(scenario, options, running, log, rounds=rounds))


async def _play(
    scenario: Scenario, options: RunOptions, running: Running, log: RunLog, *, rounds: int
) -> RunOutcome:
    current = running.network
    tag = new_tag(scenario.name)
    random = Random(options.seed)
    async with begin(
        log,
        current,
        running.secrets,
        what=scenario.name,
        run=tag,
        seed=options.seed,
        random=random,
        answer_seconds=_ANSWER_SECONDS,
        may_oversell=current.policy == "optimistic",
    ) as under_way:
        stage = Stage(
            driver=running.driver,
            network=current,
            secrets=running.secrets,
            operations=under_way.operations,
            random=random,
            rounds=rounds,
            seconds=options.seconds or scenario.seconds,
            tag=tag,
        )
        await under_way.look_around()
        await _play_plainly(scenario, stage)
        verdict = await under_way.conclude()
    return RunOutcome(verdict=verdict, log=log.path, facts=tuple(stage.facts), failures=tuple(stage.failures))


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

"""Plays a scenario on a network of its own (or on the one that runs) and stops whatever it started."""

import asyncio
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from branchlab import interruption, settings
from branchlab.checking.run import RunOutcome, begin, new_name, new_tag
from branchlab.checking.runlog import RunLog
from branchlab.checking.runs import open_log
from branchlab.errors import LabError, NotInTimeError
from branchlab.faults import gates
from branchlab.language import _
from branchlab.networks import lease, network
from branchlab.networks.drivers import choose, get_driver
from branchlab.networks.homes import secrets_fit
from branchlab.networks.implementation import driver_for, spoken
from branchlab.networks.interrupted import say_cleaning
from branchlab.networks.network import LAB, Policy, UpOptions
from branchlab.networks.pace import Pace
from branchlab.networks.ports import find_free
from branchlab.networks.running import Running, network_of_its_own
from branchlab.nodes.convergence import DEFAULT_DEADLINE_SECONDS
from branchlab.nodes.outcome import Refused, Unknown
from branchlab.steps import Tell, silent
from branchlab.teaching.scenarios.scenario import Scenario
from branchlab.teaching.scenarios.stage import Stage
from branchlab.teaching.scenarios.wire import Wire

_ANSWER_SECONDS = 30.0  # an order may wait TRANSFER_WAIT_SECONDS for its peers, 10 s in some scenarios

DEFAULT_DIRECTORY = settings.ROOT / "build" / "scenarios"


@dataclass(frozen=True)
class RunOptions:
    """What `./lab run` is asked for; None takes the scenario's own default."""

    rounds: int | None = None
    seconds: float | None = None
    seed: int = 1
    policy: Policy | None = None
    driver: str = "process"
    directory: Path = DEFAULT_DIRECTORY
    implementation: str | None = None  # the lab's own node


def run(scenario: Scenario, options: RunOptions, *, tell: Tell = silent) -> list[RunOutcome]:
    """Plays the scenario on fresh networks under `options.directory` and always stops them. Run logs stay; so
    do data and node logs until the next run, but of containers nothing is left. One outcome for each of
    its policies, or for each round of a `fresh_rounds` scenario.
    """
    implementation = options.implementation or LAB
    scenario.refuse_implementation(implementation)
    driver = choose(driver_for(implementation, options.driver), options.directory).name
    if scenario.over_wire and driver != "process":
        raise LabError(
            _(
                "{name} goes over a wire of the lab, which no container reaches: DRIVER=process",
                name=scenario.name,
            )
        )
    parts = [scenario.name, *([driver] if driver != "process" else [])]
    parts += [spoken(implementation)] if implementation != LAB else []
    place = options.directory / "-".join(parts)
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
            tell=tell,
        )
        for policy, many, name in plays
        if policy in chosen
    ]


def run_here(
    scenario: Scenario, options: RunOptions, *, run_dir: Path, env_file: Path, tell: Tell = silent
) -> RunOutcome:
    """Plays the scenario on the network that runs already, and heals what it broke; the network stays up."""
    current = network.load(run_dir)
    scenario.refuse_network(current)
    if current.policy not in scenario.policies_for(options.policy):
        raise LabError(
            _("this network sells by the policy {policy}, which was not asked for", policy=current.policy)
        )
    pace, name = Pace(), new_name(scenario.name)
    driver = pace.watch(get_driver(current.driver, run_dir, env_file=env_file, tell=tell))
    running = Running(driver, current, secrets_fit.read(run_dir, env_file), started=False, pace=pace)
    with lease.held(run_dir, name):
        try:
            with open_log(run_dir, name) as log:
                rounds = options.rounds or scenario.rounds
                return interruption.run(_play(scenario, options, running, log, rounds=rounds, tell=tell))
        finally:
            with interruption.shielded():
                say_cleaning()
                if scenario.breaks_links:
                    interruption.run(gates.lift_everywhere(current, running.secrets, state_of=driver.state))
                driver.heal()


def play_on(
    scenario: Scenario, options: RunOptions, running: Running, directory: Path, *, tell: Tell = silent
) -> RunOutcome:
    """Plays the scenario on the caller's own network, which stays up; the run log goes to `directory`."""
    rounds = options.rounds or scenario.rounds
    with open_log(directory, new_name(scenario.name)) as log:
        return interruption.run(_play(scenario, options, running, log, rounds=rounds, tell=tell))


def _run_fresh(
    scenario: Scenario,
    options: RunOptions,
    chosen: str,
    *,
    policy: Policy,
    rounds: int,
    directory: Path,
    tell: Tell,
) -> RunOutcome:
    name = new_name(scenario.name)
    ports = find_free(scenario.nodes + Wire.ports_needed(scenario.nodes) * scenario.over_wire)
    wanted = UpOptions(
        nodes=scenario.nodes,
        policy=policy,
        ports=ports[: scenario.nodes],
        settings=dict(scenario.settings),
        implementation=options.implementation,
    )
    wire = None
    if scenario.over_wire:
        planned = network.plan(None, wanted, driver=chosen)
        wire = Wire(planned.nodes, ports[scenario.nodes :])
        wanted = replace(wanted, node_settings=wire.settings())
    with (
        wire or nullcontext(),
        network_of_its_own(
            chosen, directory, wanted, run=name, keeps_data=chosen == "process", tell=tell
        ) as running,
        open_log(directory, name) as log,
    ):
        return interruption.run(_play(scenario, options, running, log, rounds=rounds, tell=tell, wire=wire))


async def _play(
    scenario: Scenario,
    options: RunOptions,
    running: Running,
    log: RunLog,
    *,
    rounds: int,
    tell: Tell,
    wire: Wire | None = None,
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
        alone=running.alone,
        tell=tell,
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
            pace=running.pace,
            wire=wire,
        )
        await under_way.look_around()
        tell(_("playing {name}…", name=scenario.name))
        await _play_plainly(scenario, stage)
        deadline = stage.pace.patience(DEFAULT_DEADLINE_SECONDS)
        verdict = await under_way.conclude(deadline_seconds=deadline)
    return RunOutcome(
        verdict=verdict,
        log=log.path,
        facts=tuple(stage.facts),
        failures=tuple(stage.failures),
        unjudged=tuple(stage.unjudged),
    )


async def _play_plainly(scenario: Scenario, stage: Stage) -> None:
    """Plays it; what it did not expect a node to refuse becomes one plain line, also from among its tasks.
    What was not there in time ends the play, and leaves the rest of it unjudged; then all is mended."""
    try:
        await scenario.play(stage)
    except ExceptionGroup as failed:
        _end_plainly(stage, failed.exceptions[0], failed)
    except (NotInTimeError, Refused, Unknown) as error:
        _end_plainly(stage, error, error)
    else:
        return
    with suppress(LabError):
        if scenario.breaks_links or scenario.over_wire:
            await stage.heal_links()
        await asyncio.to_thread(stage.driver.heal)


def _end_plainly(stage: Stage, error: Exception, cause: Exception) -> None:
    """Raises what must not happen, as one plain line; what only took too long is noted."""
    is_slow = isinstance(error, NotInTimeError | Unknown) or (isinstance(error, Refused) and error.passes)
    if not is_slow:
        raise _plain(error) from cause
    stage.unjudged.append(_("the play ended early: {error}", error=error))


def _plain(error: Exception) -> Exception:
    if isinstance(error, Refused | Unknown):
        return LabError(
            _("a node did not do what the scenario needs ({error}); its node.log may tell why", error=error)
        )
    return error

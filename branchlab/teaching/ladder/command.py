"""`./lab conform`: whether nodes keep the contract; `./lab climb`: how far up the ladder a node comes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from branchlab import interruption, settings
from branchlab.console import note, show, working
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import implementation, network
from branchlab.networks.homes import secrets_fit
from branchlab.networks.network import LAB
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, NodeImpl, RunDir
from branchlab.teaching.ladder import climbing, conformance
from branchlab.teaching.ladder.exercises import EXERCISES

_MOST_LINES = 5
STARTER = settings.ROOT / "services" / "starter"
DEFAULT_DIRECTORY = settings.ROOT / "build" / "ladder"


def conform(
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="[URL…]", help="Nodes of one network; the one that is up.")
    ] = None,
    *,
    username: Annotated[str | None, typer.Option(help="The admin; of the secrets' file.")] = None,
    password: Annotated[
        str | None, typer.Option(envvar="ADMIN_PASSWORD", help="The admin's; of the secrets' file.")
    ] = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Check route by route whether nodes keep docs/node-contract.md; exit 1 when one does not. A few
    products, customers and orders stay there."""
    nodes = [url.rstrip("/") for url in urls or _running(run_dir)]
    for url in nodes:
        if not url.startswith(("http://", "https://")):
            raise LabError(_("a node's address begins with http://, not '{url}'", url=url))
    if username is None or password is None:
        kept = secrets_fit.read(run_dir, env_file)
        username, password = username or kept.admin_username, password or kept.admin_password
    note(", ".join(nodes))
    found = interruption.run(conformance.conform(nodes, username=username, password=password))
    show(conformance.lines(found))
    broken = sum(one.kept is not True for one in found)
    ended = (
        _("CONFORM FAIL: {n} of {all} checks are not kept", n=broken, all=len(found))
        if broken
        else _("CONFORM PASS: all {n} checks", n=len(found))
    )
    show([ended])
    raise typer.Exit(int(broken > 0))


def climb(
    node_impl: NodeImpl = None,
    *,
    only: Annotated[int | None, typer.Option(min=1, max=len(EXERCISES), help="This exercise alone.")] = None,
    driver: Annotated[str, typer.Option(help="process; compose plays what needs no cut.")] = "process",
    directory: Annotated[
        Path, typer.Option("--directory", help="Where the networks are kept.", show_default=False)
    ] = DEFAULT_DIRECTORY,
) -> None:
    """Let a node climb seven exercises, each harder than the last, until it falls; exit 1 when it does. It is
    the starter, unless --node-impl says which."""
    program = implementation.parse(node_impl or str(STARTER)) or LAB
    wanted = EXERCISES if only is None else EXERCISES[only - 1 : only]
    with working(_("{name} climbs…", name=implementation.spoken(program))) as tell:
        steps = climbing.climb(
            program,
            directory=directory,
            driver=driver,
            exercises=wanted,
            on_step=lambda step: show(_step_lines(step)),
            tell=tell,
        )
    passed = sum(step.result == "PASS" for step in steps)
    fallen = next((step for step in steps if step.result not in ("PASS", None)), None)
    if fallen is not None:
        show(f"  * {_(hint)}" for hint in fallen.exercise.hints)
    reached = (
        _("CLIMB {passed} of {all}", passed=passed, all=len(steps))
        if fallen is None
        else _(
            "CLIMB {passed} of {all}; the hints are for the step where it fell", passed=passed, all=len(steps)
        )
    )
    show([reached])
    raise typer.Exit(int(passed < len(steps)))


def _step_lines(step: climbing.Step) -> Iterator[str]:
    result = step.result or "--"
    yield f"{result:<8}{step.exercise.number}. {_(step.exercise.title)}"
    yield from (f"        {line}" for line in step.why[:_MOST_LINES])
    if len(step.why) > _MOST_LINES:
        yield f"        … +{len(step.why) - _MOST_LINES}"


def _running(run_dir: Path) -> list[str]:
    return [node.url for node in network.load(run_dir).members]

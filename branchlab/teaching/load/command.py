"""`./lab load`: the lab writes the beginning and the end of the run log, Locust the requests in between."""

import itertools
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from branchlab import interruption
from branchlab.checking.run import RunOutcome, begin, closing_line, go_on, new_name
from branchlab.checking.runlog import RunLog, read_records
from branchlab.checking.runs import REPORT_SUFFIX, open_log, shown_path
from branchlab.console import note, out, show, working
from branchlab.durations import seconds_of
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import implementation, lease, network, ports
from branchlab.networks.drivers import choose
from branchlab.networks.running import Running, find_or_start
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, NodeImpl, RunDir
from branchlab.steps import Step, Tell
from branchlab.teaching.demo import generator
from branchlab.teaching.load import locust
from branchlab.teaching.load import workers as parts
from branchlab.teaching.load.locust import Load
from branchlab.teaching.load.operators import Operators, sign_in
from branchlab.teaching.load.report import requests_table, tally_lines
from branchlab.teaching.replay.prepare import load_catalogue, stock_wanted

MOST_SECONDS = 600
_MOST_USERS = 1000
_STOCK = "times:2"  # of what 600 orders need: enough to sell on, too little for everybody to get everything


def load(
    *,
    users: Annotated[int, typer.Option(min=1, max=_MOST_USERS, help="Simulated operators.")] = 50,
    length: Annotated[str, typer.Option("--time", help="How long, as in 60s or 2m; 10m at most.")] = "60s",
    suite: Annotated[str, typer.Option(help=f"What they do: {', '.join(locust.SUITES)}.")] = "mixed",
    workers: Annotated[
        int, typer.Option(min=0, max=locust.MOST_WORKERS, help="Processes that send, beside their master.")
    ] = 0,
    ui: Annotated[bool, typer.Option("--ui", help="On a page at 127.0.0.1.")] = False,
    ui_port: Annotated[int, typer.Option(min=1, max=65535, help="The page's port.")] = ports.LOCUST_PORT,
    driver: Annotated[str, typer.Option(help="compose, process or auto, to start one.")] = "auto",
    base_port: Annotated[int | None, typer.Option(help="The first node's port, to start one.")] = None,
    node_impl: NodeImpl = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Let operators browse, order, retry, cancel and adjust at all branches; exit 1 on anything lost."""
    if suite not in locust.SUITES:
        raise LabError(
            _(
                "there is no load suite '{suite}'; the suites are {suites}",
                suite=suite,
                suites=", ".join(locust.SUITES),
            )
        )
    wanted = Load(
        users=None if ui else users,
        seconds=parse_seconds(length),
        suite=suite,
        ui_port=ui_port,
        workers=workers,
        master_port=ports.find_free(1)[0] if workers else 0,
    )
    if ui and not ports.is_free(ui_port):
        raise LabError(
            _(
                "port {ui_port}, which Locust's page needs, is in use by {holder}; end it or choose"
                " another port, as in `make load-ui UI_PORT={other}`",
                ui_port=ui_port,
                holder=ports.holder(ui_port),
                other=ui_port + 1,
            )
        )
    name = new_name("load")
    with working(_("looking for what can run the nodes…")):
        program = implementation.parse(node_impl)
        chosen = choose(implementation.driver_for(program, driver), run_dir).name
    # Before anything is started: what another run has stopped must stay so.
    with lease.held(run_dir, name):
        with working(_("looking at the network…")) as tell:
            running = find_or_start(
                chosen,
                run_dir,
                env_file,
                ports=network.ports_from(base_port) if base_port is not None else None,
                starting=lambda driver_name: note(
                    _(
                        "the network is not all up; starting it with the {driver_name} driver…",
                        driver_name=driver_name,
                    )
                ),
                tell=tell,
                implementation=program,
            )
        raise typer.Exit(_run(wanted, running, run_dir.resolve(), name))


def parse_seconds(text: str) -> int:
    """`90`, `90s` or `2m` in seconds; LabError for anything else and for more than ten minutes."""
    match = re.fullmatch(r"([0-9]{1,6})(s|m)?", text.strip())
    seconds = int(seconds_of(match[1], match[2] or "s")) if match else 0
    if not 1 <= seconds <= MOST_SECONDS:
        raise LabError(
            _(
                "--time wants 1s to {most_seconds}s, as in 60s or 2m, not '{text}'",
                most_seconds=MOST_SECONDS,
                text=text,
            )
        )
    return seconds


def _run(wanted: Load, running: Running, run_dir: Path, name: str) -> int:
    with open_log(run_dir, name) as log:
        path, figures = log.path, log.path.with_suffix(".load.json")
        report = log.path.with_suffix(REPORT_SUFFIX)
        with working(_("looking at the network…")) as tell:
            operators = interruption.run(_begin(running, log, name, tell))
    prepared = _last_operation(path)
    if wanted.users is None:
        out.print(_("Locust's page: http://127.0.0.1:{ui_port}; Ctrl-C ends it", ui_port=wanted.ui_port))
        out.print(_("its host names all branches; leave only one there to load that one alone"))
    environment = {
        **os.environ,
        "LAB_RUN_DIR": str(run_dir),
        "LAB_LOAD_LOG": str(path),
        "LAB_LOAD_REPORT": str(report),
        "LAB_LOAD_MARK": name,
        "LAB_LOAD_TOKENS": ",".join(operators.tokens),
        "LAB_LOAD_LOGINS": ",".join(f"{name}:{password}" for name, password in operators.logins),
        "LAB_LOAD_BEGAN": str(time.monotonic_ns()),
    }
    try:
        with _waiting_for_people(wanted):
            exit_code = locust.run(wanted, figures=figures, environment=environment)
    finally:
        parts.merge(path)
    if exit_code == locust.MISUSED:
        return exit_code
    with RunLog(path, resume=True) as log, working(_("looking at the network…")) as tell:
        outcome = interruption.run(_end(running, log, exit_code, tell))
    if figures.exists():
        out.print(requests_table(json.loads(figures.read_text(encoding="utf-8"))))
    show([*tally_lines(read_records(path), after=prepared), *outcome.lines()])
    show(_("report: {path}", path=shown_path(one)) for one in [report] if one.exists())
    show([closing_line("LOAD", [outcome])])
    return outcome.exit_code


@contextmanager
def _waiting_for_people(wanted: Load) -> Iterator[None]:
    """Says for whom Locust waits while its page is open; without a page it has a bar of its own."""
    if wanted.users is not None:
        yield
        return
    with working(_("the page is open: press START there; Ctrl-C here ends the load, and it is judged")):
        yield


async def _begin(running: Running, log: RunLog, name: str, tell: Tell) -> Operators:
    """Reads what was there before, brings in what is sold, and signs the operators in."""
    current = running.network
    history = generator.generate()
    async with begin(log, current, running.secrets, what="load", run=name, tell=tell) as under_way:
        await under_way.look_around()
        operations = under_way.operations
        stock = stock_wanted(history, _STOCK)
        total = len(history.products) + len(history.customers) + len(stock)
        done = itertools.count(1)

        def advance() -> None:
            tell(Step(_("bringing in what is sold"), done=next(done), total=total, passing=True))

        tell(_("bringing in what is sold: {total} products, customers and deliveries…", total=total))
        await load_catalogue(operations, current.names[0], history, stock, advance=advance)
        tell(_("signing the operators in, and waiting until every node knows them…"))
        return await sign_in(operations.clients, current)


async def _end(running: Running, log: RunLog, locust_exit_code: int, tell: Tell) -> RunOutcome:
    """A load in which a node gave an answer that none should has failed, whatever was kept."""
    strange = (_("a node gave answers that none should; see above"),) if locust_exit_code != 0 else ()
    async with go_on(log, running.network, running.secrets, tell=tell) as under_way:
        return RunOutcome(verdict=await under_way.conclude(), log=log.path, failures=strange)


def _last_operation(path: Path) -> int:
    return max((record["op"] for record in read_records(path) if "op" in record), default=0)

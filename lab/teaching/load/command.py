"""`lab load`: the lab writes the beginning and the end of the run log, Locust the requests in between."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Annotated

import typer

from lab.checking.run import LOG_NAME, RunOutcome, begin, go_on, new_name
from lab.checking.runlog import RunLog, read_records
from lab.checking.verdict import Verdict
from lab.console import out, show
from lab.errors import LabError
from lab.interruption import terminate_as_interrupt
from lab.networks import network
from lab.networks.running import Running, find_or_start
from lab.options import ENV_FILE, RUN_DIR, EnvFile, RunDir
from lab.teaching.demo import generator
from lab.teaching.load import locust
from lab.teaching.load.locust import Load
from lab.teaching.load.operators import sign_in
from lab.teaching.load.report import requests_table, tally_lines
from lab.teaching.replay.prepare import load_catalogue, stock_wanted

MOST_SECONDS = 600
_MOST_USERS = 1000
_STOCK = "times:2"  # of what 600 orders need: enough to sell on, too little for everybody to get everything


def load(
    *,
    users: Annotated[int, typer.Option(min=1, max=_MOST_USERS, help="Simulated operators.")] = 50,
    length: Annotated[str, typer.Option("--time", help="How long, as in 60s or 2m; 10m at most.")] = "60s",
    shape: Annotated[str, typer.Option(help="steady, or rush-hour (a day in little).")] = "steady",
    ui: Annotated[bool, typer.Option("--ui", help=f"On a page at 127.0.0.1:{locust.UI_PORT}.")] = False,
    driver: Annotated[str, typer.Option(help="compose, process or auto, to start one.")] = "auto",
    base_port: Annotated[
        int | None, typer.Option(envvar="BASE_PORT", help="The first node's port, to start one.")
    ] = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Let operators browse, order, retry, cancel and adjust at all branches; exit 1 on anything lost."""
    if shape not in locust.SHAPES:
        raise LabError(f"there is no load shape '{shape}'; the shapes are {', '.join(locust.SHAPES)}")
    wanted = Load(users=None if ui else users, seconds=parse_seconds(length), shape=shape)
    running = find_or_start(
        driver,
        run_dir,
        env_file,
        ports=network.ports_from(base_port) if base_port is not None else None,
        starting=lambda name: out.print(f"the network is not all up; starting it with the {name} driver…"),
        tell=lambda line: show([f"  {line}"]),
    )
    with terminate_as_interrupt():
        raise typer.Exit(_run(wanted, running, run_dir.resolve()))


def parse_seconds(text: str) -> int:
    """`90`, `90s` or `2m` in seconds; LabError for anything else and for more than ten minutes."""
    match = re.fullmatch(r"([0-9]{1,6})(s|m)?", text.strip())
    seconds = int(match[1]) * (60 if match[2] == "m" else 1) if match else 0
    if not 1 <= seconds <= MOST_SECONDS:
        raise LabError(f"--time wants 1s to {MOST_SECONDS}s, as in 60s or 2m, not '{text}'")
    return seconds


def _run(wanted: Load, running: Running, run_dir: Path) -> int:
    path, figures = run_dir / LOG_NAME, run_dir / "load.json"
    with RunLog(path) as log:
        tokens = asyncio.run(_begin(running, log))
    prepared = _last_operation(path)
    if wanted.users is None:
        out.print(f"Locust's page: http://127.0.0.1:{locust.UI_PORT} (leave its host empty); Ctrl-C ends it")
    figures.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "LAB_RUN_DIR": str(run_dir),
        "LAB_LOAD_LOG": str(path),
        "LAB_LOAD_TOKENS": ",".join(tokens),
    }
    exit_code = locust.run(wanted, figures=figures, environment=environment)
    if exit_code == locust.MISUSED:
        return exit_code
    with RunLog(path, resume=True) as log:
        outcome = asyncio.run(_end(running, log))
    if figures.exists():
        out.print(requests_table(json.loads(figures.read_text(encoding="utf-8"))))
    show([*tally_lines(read_records(path), after=prepared), *outcome.lines()])
    return _judged(outcome.verdict, exit_code)


async def _begin(running: Running, log: RunLog) -> list[str]:
    """Reads what was there before, brings in what is sold, and gives the operators' tokens."""
    current = running.network
    history = generator.generate()
    async with begin(log, current, running.secrets, what="load", run=new_name("load")) as under_way:
        await under_way.look_around()
        operations = under_way.operations
        stock = stock_wanted(history, _STOCK)
        await load_catalogue(operations, current.names[0], history, stock, advance=lambda: None)
        return await sign_in(operations.clients, current)


async def _end(running: Running, log: RunLog) -> RunOutcome:
    async with go_on(log, running.network, running.secrets) as under_way:
        return RunOutcome(verdict=await under_way.conclude(), log=log.path)


def _last_operation(path: Path) -> int:
    return max((record["op"] for record in read_records(path) if "op" in record), default=0)


def _judged(verdict: Verdict, locust_exit_code: int) -> int:
    """A load that sold nothing, or in which a node gave an answer that none should, proves nothing either."""
    if verdict.acknowledged == 0:
        out.print("no order was accepted: this load has proved nothing")
    if locust_exit_code != 0:
        out.print("a node gave answers that none should; see above")
    return verdict.exit_code or int(verdict.acknowledged == 0 or locust_exit_code != 0)

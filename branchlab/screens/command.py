"""`./lab ui`: the control room of the network that is up, or a recorded run in the same screens."""

import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from branchlab import interruption
from branchlab.checking.runlog import read_records
from branchlab.checking.runs import shown_path
from branchlab.checking.verdict import verdict_lines
from branchlab.console import note, out, show
from branchlab.errors import LabError
from branchlab.language import Language, _, language_called, language_of
from branchlab.networks import control_room, network, ports
from branchlab.networks.drivers import get_driver
from branchlab.networks.homes import secrets_fit
from branchlab.options import ENV_FILE, RUN_DIR, EnvFile, Lang, RunDir
from branchlab.screens.lesson.course import Course
from branchlab.screens.lesson.program import Program
from branchlab.screens.live.room import LiveRoom
from branchlab.screens.replay import Replay
from branchlab.screens.serving import Serving, address_here
from branchlab.teaching.lesson.command import DIRECTORY
from branchlab.teaching.lesson.loader import load_all


def ui(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A run log, to see it again.")] = None,
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The page's port.")] = control_room.DEFAULT_PORT,
    audience: Annotated[
        bool, typer.Option("--audience", help="Open a page to look and vote to this machine's network.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Shorten what goes by time in the lesson; for tests.")
    ] = False,
    lang: Lang = None,
    run_dir: RunDir = RUN_DIR,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Open the control room in the browser: see the network, break it, sell, heal it; or see a run again."""
    language = language_called(lang or "") or language_of(os.environ)
    if file is None and not audience and (known := control_room.address(run_dir)) is not None:
        out.print(_("control room: {url}", url=known), markup=False)
        return
    if not ports.is_free(port):
        raise LabError(
            _(
                "port {port}, which the control room needs, is in use by {holder}; end it or choose another"
                " port, as in `make ui UI_PORT={other}`",
                port=port,
                holder=ports.holder(port),
                other=port + 1,
            )
        )
    audience_url = _audience_url(port) if audience else None
    if file is not None:
        replay = Replay(read_records(file))
        if not replay.timeline.nodes:
            raise LabError(_("{file} is not the log of a run (docs/runlog.md)", file=file))
        _until_ended(_serve(replay, port, language, audience_url))
        return
    current = network.load(run_dir)
    driver = get_driver(current.driver, run_dir, env_file=env_file)
    room = LiveRoom(driver, current, secrets_fit.read(run_dir, env_file), run_dir.resolve())
    _until_ended(
        _open_live(room, _course(room, current, run_dir, is_fast=fast), port, language, audience_url)
    )
    if room.verdict is not None:
        show(verdict_lines(room.verdict))
    show([_("run log: {path}", path=shown_path(room.log.path))])


def _until_ended(work: Coroutine[Any, Any, None]) -> None:
    """Runs until Ctrl-C, which is how people end it."""
    try:
        interruption.run(work)
    except KeyboardInterrupt:
        heed = interruption.current()
        if heed is None:
            raise
        heed.forget()


def _audience_url(port: int) -> str:
    """The address of the audience's page, after saying what it opens. LabError where nobody could reach
    it."""
    address = address_here()
    if address is None:
        raise LabError(_("this machine is in no network, so no phone could see the audience's page"))
    url = f"http://{address}:{port}/audience"
    note(
        _(
            "everybody in this network may now look and vote at {url}, and do nothing else, until this ends",
            url=url,
        )
    )
    return url


def _course(room: LiveRoom, current: network.Network, run_dir: Path, *, is_fast: bool) -> Course:
    """The lesson of the room, on networks of its own beside that of the room."""
    own = DIRECTORY if run_dir.resolve() == RUN_DIR.resolve() else run_dir.resolve() / "lesson"
    return Course(room, load_all(), Program(own, current.driver, is_fast=is_fast), is_fast=is_fast)


async def _open_live(
    room: LiveRoom, course: Course, port: int, language: Language, audience_url: str | None
) -> None:
    async with room.open():
        try:
            await _serve(room, port, language, audience_url, course)
        finally:
            await course.close()
            await room.conclude()


async def _serve(
    source: LiveRoom | Replay,
    port: int,
    language: Language,
    audience_url: str | None,
    course: Course | None = None,
) -> None:
    serving = Serving(source, port=port, language=language, audience_url=audience_url, course=course)
    out.print(_("control room: {url}", url=serving.url), markup=False)
    control_room.tell_address(serving.url)
    out.print(_("Ctrl-C ends it"))
    await serving.serve()

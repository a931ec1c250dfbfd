"""The control room's one process and one port: the teacher's pages, the audience's, and one clock for all."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from nicegui import Client, ui

from branchlab.language import Language, language_called
from branchlab.screens.audience.hall import Hall
from branchlab.screens.audience.routes import audience_routes
from branchlab.screens.gate import TEACHER, Gate
from branchlab.screens.lesson.course import Course
from branchlab.screens.live.room import LiveRoom
from branchlab.screens.page.page import RoomPage
from branchlab.screens.page.state import PageState
from branchlab.screens.page.words import WORDS
from branchlab.screens.replay import Replay

TICK_SECONDS = 0.25
_ASSETS = Path(__file__).parent / "page"
_RECONNECT_SECONDS = 30.0
log = logging.getLogger(__name__)


class Serving:
    """Serves one source. There is one in a process: the pages are NiceGUI's, which has one application."""

    def __init__(
        self,
        source: LiveRoom | Replay,
        *,
        port: int,
        language: Language,
        audience_url: str | None = None,
        course: Course | None = None,
    ) -> None:
        self._source = source
        self._course = course
        self._language = language
        self._pages: dict[str, RoomPage] = {}
        self._hall = Hall(source, audience_url, course)
        self._audience_url = audience_url
        self._port = port
        api = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=self._lifespan)
        api.include_router(audience_routes(self._hall))
        ui.page("/")(self._open)
        ui.run_with(
            api,
            mount_path=TEACHER,
            title=WORDS[language]["title"],
            tailwind=False,
            reconnect_timeout=_RECONNECT_SECONDS,
            show_welcome_message=False,
            language="pt-BR" if language == "pt-BR" else "en-US",
        )
        self.gate = Gate(api, port=port, has_audience=audience_url is not None)

    @property
    def url(self) -> str:
        """The teacher's address, with the key of this start."""
        return f"http://127.0.0.1:{self._port}/?token={self.gate.token}"

    async def serve(self) -> None:
        """Serves until it is cancelled; open pages are told by their own clocks."""
        host = "127.0.0.1" if self._audience_url is None else "0.0.0.0"  # the gate says who sees what
        config = uvicorn.Config(
            self.gate,
            host=host,
            port=self._port,
            loop="asyncio",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve())
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await serving

    @asynccontextmanager
    async def _lifespan(self, _api: FastAPI) -> AsyncIterator[None]:
        ticking = asyncio.create_task(self._tick())
        yield
        ticking.cancel()

    async def _tick(self) -> None:
        """The one timer: every page sends what is new."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if isinstance(self._source, Replay):
                self._source.tick()
            if self._course is not None:
                self._course.tick()
            for page in list(self._pages.values()):
                try:
                    with page.client:
                        page.refresh()
                except Exception:  # one page must not stop the others
                    log.exception("a page could not be brought up to date")

    async def _open(self, client: Client, lang: str = "", theme: str = "", projector: str = "") -> None:
        state = PageState(
            language=language_called(lang) or self._language,
            theme_name="dark" if theme == "dark" else "light",
            is_projector=projector == "1",
            is_lesson=isinstance(self._source, Replay) and self._source.timeline.lesson is not None,
        )
        ui.add_head_html(f"<style>{(_ASSETS / 'room.css').read_text(encoding='utf-8')}</style>")
        page = RoomPage(self._source, state, client, self._hall, self._course)
        ui.add_body_html(f"<script>{(_ASSETS / 'room.js').read_text(encoding='utf-8')}</script>")
        self._pages[client.id] = page
        client.on_delete(lambda: self._pages.pop(client.id, None))


class _Server(uvicorn.Server):
    """Leaves Ctrl-C to the lab, which ends every verb the same way."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def address_here() -> str | None:
    """This machine's address for others in the same network; None where there is none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
        except OSError:
            return None
        found = str(probe.getsockname()[0])
    return None if found.startswith("127.") else found

"""Who may see the control room: the teacher with the key of this start, phones only what is for them."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from branchlab.screens.audience.hall import Hall
from branchlab.screens.audience.routes import MOST_AT_ONE_ADDRESS, audience_routes
from branchlab.screens.gate import Gate
from branchlab.screens.replay import Replay
from branchlab.tests.timelines import Told

PORT = 22699
HERE = f"http://127.0.0.1:{PORT}"


async def inside(scope: Any, receive: Any, send: Any) -> None:
    """What stands behind the gate: says that somebody came through."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


def asked(gate: Gate, path: str, *, client: str = "127.0.0.1", **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(gate, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as http:
            return await http.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.fixture
def gate() -> Gate:
    return Gate(inside, port=PORT, has_audience=True, token="right")


def entered(gate: Gate) -> str:
    """The cookie of a teacher who came by the printed address."""
    answer = asked(gate, "/?token=right")
    assert (answer.status_code, answer.headers["location"]) == (303, "/room/")
    return answer.headers["set-cookie"].partition(";")[0]


def test_the_key_is_changed_for_a_cookie_so_that_no_class_reads_it(gate: Gate) -> None:
    cookie = asked(gate, "/?token=right").headers["set-cookie"]
    assert "right" not in cookie
    assert cookie.endswith("HttpOnly; SameSite=Strict; Path=/room")


def test_with_the_cookie_the_room_is_open(gate: Gate) -> None:
    assert asked(gate, "/room/", cookie=entered(gate)).text == "inside"
    assert asked(gate, "/", cookie=entered(gate)).status_code == 303


@pytest.mark.parametrize("path", ["/", "/?token=wrong", "/?token=", "/room/", "/room/_nicegui/x", "/room"])
def test_without_it_nothing_of_the_teachers_is_to_be_seen(gate: Gate, path: str) -> None:
    answer = asked(gate, path)
    assert answer.status_code == 403
    assert "make ui" in answer.text
    assert "inside" not in answer.text


def test_another_machine_never_gets_into_the_room_not_even_with_the_key(gate: Gate) -> None:
    cookie = entered(gate)
    assert asked(gate, "/?token=right", client="192.168.0.7").status_code == 403
    assert asked(gate, "/room/", client="192.168.0.7", cookie=cookie).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "http://127.0.0.1:1"}]
)
def test_a_page_of_another_site_cannot_use_the_teachers_browser(gate: Gate, headers: dict[str, str]) -> None:
    assert asked(gate, "/room/", cookie=entered(gate), **headers).status_code == 403


def test_a_socket_needs_the_cookie_too(gate: Gate) -> None:
    def opened(*headers: tuple[bytes, bytes]) -> str:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        host = (b"host", f"127.0.0.1:{PORT}".encode())
        scope = {"type": "websocket", "path": "/room/_nicegui_ws", "headers": [host, *headers]}
        asyncio.run(gate({**scope, "client": ("127.0.0.1", 1)}, None, send))  # type: ignore[arg-type]  # a websocket is closed before it receives
        return str(sent[0]["type"])

    assert opened() == "websocket.close"
    assert opened((b"cookie", entered(gate).encode())) == "websocket.accept"


def test_every_key_is_another_one() -> None:
    gates = [Gate(inside, port=PORT, has_audience=False) for _ in range(2)]
    assert gates[0].token != gates[1].token
    assert min(len(gate.token) for gate in gates) >= 32


def test_phones_see_the_audiences_pages_from_anywhere_and_only_where_they_are_on(gate: Gate) -> None:
    assert asked(gate, "/audience", client="192.168.0.7", host="192.168.0.2:1").text == "inside"
    closed = Gate(inside, port=PORT, has_audience=False)
    assert asked(closed, "/audience").status_code == 404
    assert asked(gate, "/audiences").status_code == 404


def test_a_phone_cannot_send_much(gate: Gate) -> None:
    assert asked(gate, "/audience/vote", **{"content-length": "100000"}).status_code == 404
    assert asked(gate, "/audience/vote", **{"transfer-encoding": "chunked"}).status_code == 404


def test_a_page_may_ask_nobody_but_the_room(gate: Gate) -> None:
    policy = asked(gate, "/room/", cookie=entered(gate)).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "connect-src 'self';" in policy


def phones(replay: Replay) -> httpx.AsyncClient:
    api = FastAPI()
    api.include_router(audience_routes(Hall(replay)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url=HERE)


def test_a_phone_sees_what_the_room_sees_and_what_nobody_knows() -> None:
    told = Told()
    told.all_agree(1)
    told.sample(2, "filial-sul", None, state="stopped")
    told.owes(2.5, "matriz", "filial-sul", 4)
    told.add(2.6, "opinion", result="UNKNOWN", promises={})

    async def look() -> dict[str, Any]:
        async with phones(Replay(told.records)) as http:
            page = await http.get("/audience?lang=en")
            assert '<html lang="en">' in page.text
            answer: dict[str, Any] = (await http.get("/audience/state?lang=en")).json()
            return answer

    shown = asyncio.run(look())
    assert (shown["clock"], shown["result"]) == ("00:02", "UNKNOWN")
    sul = next(node for node in shown["nodes"] if node["name"] == "sul")
    assert (sul["state"], sul["waiting"]) == ("stopped", "4+?")


def test_a_recorded_run_takes_no_votes() -> None:
    told = Told()
    told.add(1, "question", question=1, text="10?", choices=["a", "b"])

    async def vote() -> int:
        async with phones(Replay(told.records)) as http:
            await http.get("/audience/state")
            answer = await http.post("/audience/vote", json={"question": 1, "choice": 0})
            return answer.status_code

    assert asyncio.run(vote()) == 409


def test_nobody_votes_without_having_looked_and_voters_cannot_be_made_up() -> None:
    async def ask() -> tuple[int, int]:
        async with phones(Replay(Told().records)) as http:
            http.cookies.set("voter", "made-up")
            made_up = await http.post("/audience/vote", json={"question": 1, "choice": 0})
            for _ in range(MOST_AT_ONE_ADDRESS + 1):
                http.cookies.clear()
                last = await http.get("/audience/state")
            return made_up.status_code, len(last.cookies)

    assert asyncio.run(ask()) == (409, 0)


def test_a_replay_goes_to_any_moment_and_back() -> None:
    told = Told()
    for at in range(1, 11):
        told.owes(at, "matriz", "filial-sul", at)
    replay = Replay(told.records)
    link = ("matriz", "filial-sul")

    assert (replay.now, replay.timeline.pending[link].last) == (10, 10)
    replay.go_to(4.5)
    assert replay.timeline.pending[link].last == 4
    replay.go_to(99)
    assert replay.timeline.pending[link].last == 10


def test_a_replay_plays_as_fast_as_the_run_went_and_stops_at_its_end() -> None:
    told, clock = Told(), [100.0]
    told.all_agree(10)
    replay = Replay(told.records, clock=lambda: clock[0])
    replay.play()
    clock[0] += 4
    replay.tick()
    assert (replay.now, replay.is_playing) == (4, True)
    clock[0] += 60
    replay.tick()
    assert (replay.now, replay.is_playing) == (10, False)


def test_what_a_page_needs_comes_with_the_lab() -> None:
    folder = Path(__file__).parents[1] / "screens"
    for name in ("room.css", "room.js"):
        text = (folder / "page" / name).read_text(encoding="utf-8")
        assert "http:" not in text
        assert "https:" not in text

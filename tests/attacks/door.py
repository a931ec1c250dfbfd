"""Attempts before a token is known: bodies, headers and connections without end, forged addresses, logins."""

import asyncio
from collections.abc import Iterable
from functools import partial

import psutil

from branchlab.networks.drivers.docker import Project, run_docker
from branchlab.networks.drivers.own_project import project_name
from tests.attacks.arena import Arena
from tests.attacks.attempt import Attempt, Finding
from tests.attacks.raw import Connection, ask, connections, header, read_all, send, status_of

VICTIM = "matriz"
_MEBIBYTE = 1 << 20
_BODY_BYTES = 8 * _MEBIBYTE - 1
_BODIES = 20
_MORE_MIB = 64  # that a node may take for all bodies: its budget is 32 MiB, and copies are made
_HALF_OPEN = 1100
_BESIDE = 5  # one runs beside the admin's own check, one more begins; a busy machine may share its time badly
_HIDDEN = (
    b"POST /auth/login HTTP/1.1\r\nHost: branch\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: branch\r\n\r\n"
)
_LONG_HEADER = (
    b"GET /healthz HTTP/1.1\r\nHost: branch\r\nX-Filler: " + bytes([97]) * (64 * 1024) + b"\r\n\r\n"
)
_ULIMIT = 1024


async def _serves(arena: Arena) -> bool:
    """Whether the victim logs somebody in and answers them, on a new connection."""
    async with arena.cluster.client(VICTIM) as admin:
        return bool((await admin.me())["active"])


async def _refused_for_good(arena: Arena, request: bytes, *, status: int) -> Finding:
    """A request that hides another one behind it, or whose header has no end in sight."""
    async with connections(arena, VICTIM, 1) as attackers:
        await send(attackers[0], request)
        answered = await read_all(attackers[0])
    statuses = [int(part[:3]) for part in answered.split(b"HTTP/1.1 ")[1:]]
    return Finding(statuses == [status], f"{', '.join(map(str, statuses)) or 'nothing'}, then closed")


async def _stalled_bodies(arena: Arena, *, path: str, status: int) -> Finding:
    before = arena.memory_bytes(VICTIM)
    async with connections(arena, VICTIM, _BODIES) as attackers:
        body = bytes(_BODY_BYTES - 1)
        await asyncio.gather(*(send(each, header(path, _BODY_BYTES), body) for each in attackers))
        answers = {await status_of(each) for each in attackers}
        more = (arena.memory_bytes(VICTIM) - before) / _MEBIBYTE
        served = await _serves(arena)
    return Finding(
        served and answers == {status} and more <= _MORE_MIB,
        f"{_words(answers)}, {more:+.0f} MiB, {'serves' if served else 'does not serve'}",
    )


async def _stalled_bodies_of_a_member(arena: Arena) -> Finding:
    """By one who has the network's secret, so that the bodies are read."""
    before = arena.memory_bytes(VICTIM)
    token = arena.replica_headers(
        "/replica/event", b"", sender="filial-norte", epoch="e" * 32, receiver=VICTIM
    )["X-Replica-Token"]
    async with connections(arena, VICTIM, _BODIES) as attackers:
        head = header("/replica/event", _BODY_BYTES, X_Replica_Token=token)
        body = bytes(_BODY_BYTES - 1)
        await asyncio.gather(*(send(each, head, body) for each in attackers))
        more = (arena.memory_bytes(VICTIM) - before) / _MEBIBYTE
        served = await _serves(arena)
        answers = {await status_of(each) for each in attackers}
    return Finding(
        served and answers <= {408, 503} and 503 in answers and more <= _MORE_MIB,
        f"{_words(answers)}, {more:+.0f} MiB, {'serves' if served else 'does not serve'}",
    )


async def _stalled_bodies_at_a_container(arena: Arena) -> Finding:
    async with connections(arena, VICTIM, _BODIES) as attackers:
        body = bytes(_BODY_BYTES - 1)
        head = header("/replica/nowhere", _BODY_BYTES)
        await asyncio.gather(*(send(each, head, body) for each in attackers))
        answers = {await status_of(each) for each in attackers}
        served = await _serves(arena)
    cluster = arena.cluster
    (container,) = Project(project_name(cluster.run_dir, cluster.env_file)).containers(VICTIM)
    shape = "{{.RestartCount}} {{.State.OOMKilled}}"
    found = run_docker("inspect", "--format", shape, container.id).strip()
    return Finding(
        served and answers == {404} and found == "0 false",
        f"{_words(answers)}, {'serves' if served else 'does not serve'}, restarts and OOM: {found}",
    )


async def _half_open_requests(arena: Arena) -> Finding:
    victim = psutil.Process(arena.pid(VICTIM))
    victim.rlimit(psutil.RLIMIT_NOFILE, (_ULIMIT, _ULIMIT))
    log_before = arena.log_bytes(VICTIM)
    async with connections(arena, VICTIM, _HALF_OPEN) as attackers:
        for each in attackers:
            await send(each, b"GET /healthz HTTP/1.1\r\nHost: branch\r\n")
        busy = victim.cpu_times().user
        served = [await _serves(arena) for _ in range(10)]
        open_files = victim.num_fds()
        busy = victim.cpu_times().user - busy
    logged = arena.log_bytes(VICTIM) - log_before
    return Finding(
        all(served) and open_files < _ULIMIT and logged < 10_000,
        f"served {served.count(True)} of 10 logins, {open_files} files open, {logged} bytes logged,"
        f" {busy:.1f} s of processor",
    )


async def _slow_headers(arena: Arena) -> Finding:
    async with connections(arena, VICTIM, 50) as attackers:
        for each in attackers:
            await send(each, b"GET /healthz HTTP/1.1\r\n")
        trickling = asyncio.create_task(_trickle(attackers))
        answers = {await status_of(each) for each in attackers}
        trickling.cancel()
        served = await _serves(arena)
    return Finding(served and answers == {408}, _words(answers))


async def _trickle(attackers: Iterable[Connection]) -> None:
    while True:
        for each in attackers:
            await send(each, b"X: y\r\n")
        await asyncio.sleep(0.5)


async def _clients_that_do_not_read(arena: Arena) -> Finding:
    # They use up what their address may ask without a token, so the client has its token before.
    async with arena.cluster.client(VICTIM) as admin, connections(arena, VICTIM, 300) as attackers:
        before = arena.memory_bytes(VICTIM)
        for each in attackers:
            await send(each, b"GET /openapi.json HTTP/1.1\r\nHost: branch\r\n\r\n")
        await admin.stock()
        more = (arena.memory_bytes(VICTIM) - before) / _MEBIBYTE
    return Finding(more <= _MORE_MIB, f"{more:+.0f} MiB, serves")


async def _forged_addresses(arena: Arena) -> Finding:
    statuses = []
    async with arena.stranger(VICTIM) as stranger:
        for number in range(30):
            form = {"username": "admin", "password": "a guess"}
            forged = {"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"}
            statuses.append((await stranger.post("/auth/login", data=form, headers=forged)).status_code)
    guesses = statuses.count(401)
    return Finding(guesses <= 6 and set(statuses) <= {401, 429}, f"{guesses} guesses of 30 were checked")


async def _login_flood(arena: Arena) -> Finding:
    """From the very address from which the admin logs in."""
    assert await _serves(arena)
    statuses: list[int] = []

    async def note(attacker: Connection) -> None:
        statuses.append(await status_of(attacker))

    in_front = []
    async with connections(arena, VICTIM, 1000) as attackers:
        for number, each in enumerate(attackers):
            form = f"username=name{number}&password=guess".encode()
            head = header("/auth/login", len(form), Content_Type="application/x-www-form-urlencoded")
            await send(each, head + form)
        answering = asyncio.gather(*map(note, attackers))
        for _ in range(5):
            checked_before = statuses.count(401)
            assert await _serves(arena)
            in_front.append(statuses.count(401) - checked_before)
        await answering
    checked = statuses.count(401)
    return Finding(
        max(in_front) <= _BESIDE and checked <= 60 and set(statuses) <= {0, 401, 429, 503},
        f"{checked} of 1000 were checked, at most {max(in_front)} while the admin waited",
    )


async def _requests_without_a_token(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin, connections(arena, VICTIM, 30) as attackers:
        asked = asyncio.gather(*(ask(each, 100) for each in attackers))
        for _ in range(5):
            await admin.stock()
        statuses = [status for answers in await asked for status in answers]
    refused = statuses.count(429)
    return Finding(
        refused > 0 and set(statuses) == {401, 429},
        f"{refused} of {len(statuses)} were refused, a client with a token was served",
    )


def _words(statuses: Iterable[int]) -> str:
    return ", ".join(str(status) if status else "closed" for status in sorted(statuses))


_STALLED = f"{_BODIES} bodies of 8 MiB that stall, without a token, at"
_UNREAD = f"none is read, at most {_MORE_MIB} MiB more"

_OF_TWO_NODES = partial(Attempt, nodes=2)

ATTEMPTS = (
    _OF_TWO_NODES(
        f"{_STALLED} a route that does not exist",
        f"404, {_UNREAD}",
        partial(_stalled_bodies, path="/replica/nowhere", status=404),
    ),
    _OF_TWO_NODES(
        f"{_STALLED} a replica route",
        f"401, {_UNREAD}",
        partial(_stalled_bodies, path="/replica/hello", status=401),
    ),
    _OF_TWO_NODES(
        f"{_STALLED} /orders", f"401, {_UNREAD}", partial(_stalled_bodies, path="/orders", status=401)
    ),
    _OF_TWO_NODES(
        f"{_STALLED} the login", f"413, {_UNREAD}", partial(_stalled_bodies, path="/auth/login", status=413)
    ),
    _OF_TWO_NODES(
        f"{_BODIES} bodies of 8 MiB that stall, with a member's token",
        f"503 beyond the budget, then 408, at most {_MORE_MIB} MiB more",
        _stalled_bodies_of_a_member,
    ),
    _OF_TWO_NODES(
        "a request hidden behind a body with two lengths",
        "400, and the connection is closed",
        partial(_refused_for_good, request=_HIDDEN, status=400),
    ),
    _OF_TWO_NODES(
        "a header of 64 KiB in one piece",
        "431, and the connection is closed",
        partial(_refused_for_good, request=_LONG_HEADER, status=431),
    ),
    _OF_TWO_NODES("50 headers that trickle", "408 for each", _slow_headers),
    _OF_TWO_NODES(
        "300 clients that do not read what they asked for",
        f"at most {_MORE_MIB} MiB more, a client with a token at the same address is served",
        _clients_that_do_not_read,
        alone=True,
    ),
    _OF_TWO_NODES(
        "3000 requests at once without a token",
        "429, a client with a token at the same address is served",
        _requests_without_a_token,
        alone=True,
    ),
    _OF_TWO_NODES(
        "30 wrong passwords, each with another forged X-Forwarded-For",
        "429 after the fifth",
        _forged_addresses,
        alone=True,
    ),
    _OF_TWO_NODES(
        "1000 logins at once with ever new names",
        f"60 are checked at most, and {_BESIDE} while the admin at the same address waits for a login",
        _login_flood,
        settings={"BCRYPT_ROUNDS": "12"},
        alone=True,
    ),
    _OF_TWO_NODES(
        f"{_HALF_OPEN} half-open requests under ulimit -n {_ULIMIT}",
        "others are served, files stay below the limit, the log does not grow",
        _half_open_requests,
        settings={"CONNECTIONS_MAX": "768"},  # what a node started under that limit takes
        alone=True,
    ),
    _OF_TWO_NODES(
        f"{_BODIES} bodies of 8 MiB that stall, at a container of 256 MB",
        "404, it serves, it was not restarted",
        _stalled_bodies_at_a_container,
        driver="compose",
    ),
)

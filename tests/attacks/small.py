"""Small attempts: keys taken for ids, headers that are missing or repeated, files that others may read."""

import tempfile
from pathlib import Path

import httpx

from branchlab import private
from branchlab.nodes.outcome import Refused
from tests.attacks.arena import Arena
from tests.attacks.attempt import Attempt, Finding

VICTIM = "matriz"
_EVIL = "evil.example"


async def _sku_that_is_an_id(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin:
        gold = await admin.create_product("GOLD-1", "Gold", 10_000_000)
        try:
            await admin.create_product(gold["id"].upper(), "One cent", 1)
        except Refused as refused:
            (error,) = refused.problem["errors"]
            return Finding(error["reason"] == "looks_like_an_id", f"{refused.status} {error['reason']}")
    return Finding(held=False, got="it was made")


async def _sku_that_looks_like_another(arena: Arena) -> Finding:
    async with arena.cluster.client(VICTIM) as admin:
        await admin.create_product("SILVER-1", "Silver", 5_000_000)
        try:
            await admin.create_product("\u200bSILVER-1", "Silver", 1)
        except Refused as refused:
            (error,) = refused.problem["errors"]
            return Finding("U+200B" in error["message"], f"{refused.status} {error['reason']}")
    return Finding(held=False, got="it was made")


async def _token_in_a_cache(arena: Arena) -> Finding:
    secrets = arena.cluster.secrets
    form = {"username": secrets.admin_username, "password": secrets.admin_password}
    async with arena.stranger(VICTIM) as stranger:
        answer = await stranger.post("/auth/login", data=form)
    said = answer.headers.get("cache-control", "no Cache-Control")
    return Finding(answer.status_code == 200 and said == "no-store", said)


async def _host_in_a_redirect(arena: Arena) -> Finding:
    answers: list[httpx.Response] = []
    async with arena.stranger(VICTIM) as stranger:
        for path in ("/orders/", "/products/", "/auth/login/", "//evil.example/orders"):
            answers += [
                await stranger.request(method, path, headers={"Host": _EVIL}) for method in ("GET", "POST")
            ]
        root = await stranger.get("/", headers={"Host": _EVIL})
    held = not any(answer.is_redirect or "location" in answer.headers for answer in answers)
    held = held and root.headers["location"] == "/docs"
    return Finding(held, " ".join(sorted({str(answer.status_code) for answer in answers})))


async def _host_that_is_not_allowed(arena: Arena) -> Finding:
    async with arena.stranger(VICTIM) as stranger:
        answer = await stranger.get("/healthz", headers={"Host": _EVIL})
        own = await stranger.get("/healthz")
    held = (answer.status_code, own.status_code) == (400, 200)
    return Finding(
        held, f"{answer.status_code} {answer.json().get('code', '')}, and {own.status_code} for its own"
    )


async def _page_in_a_frame(arena: Arena) -> Finding:
    wanted = ("x-content-type-options", "content-security-policy", "x-frame-options", "referrer-policy")
    lacking = set()
    async with arena.stranger(VICTIM) as stranger:
        for path in ("/healthz", "/orders", "/nowhere", "/docs", "/openapi.json", "/replica/hello"):
            answer = await stranger.get(path)
            lacking |= {f"{path} lacks {name}" for name in wanted if name not in answer.headers}
    return Finding(not lacking, min(lacking, default="every answer has its headers"))


async def _other_replica_secret(arena: Arena) -> Finding:
    headers = arena.replica_headers(
        "/replica/hello", b"{}", sender="filial-norte", epoch="e", receiver=VICTIM
    )
    headers["X-Replica-Token"] = headers["X-Replica-Token"][:-4] + "AAAA"
    async with arena.stranger(VICTIM) as stranger:
        answer = await stranger.post("/replica/hello", content=b"{}", headers=headers)
    detail = str(answer.json()["detail"])
    held = answer.status_code == 401 and "REPLICA_SECRET" in detail and "/auth/login" not in detail
    return Finding(held, f"{answer.status_code} {answer.json()['code']}")


async def _files_of_the_network(arena: Arena) -> Finding:
    found = private.others_may_read(arena.cluster.run_dir)
    seen = len([*arena.cluster.run_dir.rglob("*")])
    return Finding(not found and seen > 0, f"{len(found)} of {seen} files and folders are open to others")


async def _backup_to_a_folder(arena: Arena) -> Finding:
    said, left = _copied_to_a_folder(arena)
    doing, *refused = said.splitlines()
    fine = doing.endswith("…") and len(refused) == 1 and not left
    return Finding(fine, f"{len(refused)} line: {refused[0].partition(' is ')[2][:60]}")


def _copied_to_a_folder(arena: Arena) -> tuple[str, list[Path]]:
    with tempfile.TemporaryDirectory() as folder:
        return arena.cluster.lab("backup", VICTIM, folder, exit_code=2), [*Path(folder).iterdir()]


ATTEMPTS = (
    Attempt("a sku that is another product's id", "422 looks_like_an_id", _sku_that_is_an_id),
    Attempt("a sku that looks like another product's", "422 that names U+200B", _sku_that_looks_like_another),
    Attempt("a token that a cache on the way could keep", "no-store", _token_in_a_cache),
    Attempt("a redirect to the host that the client named", "no redirect", _host_in_a_redirect),
    Attempt("an answer in a frame, or taken for another type", "headers forbid it", _page_in_a_frame),
    Attempt("a node with another REPLICA_SECRET", "401 that names REPLICA_SECRET", _other_replica_secret),
    Attempt("another user reads the files of a network", "0600 and 0700 everywhere", _files_of_the_network),
    Attempt("lab backup to a folder", "one line, nothing written", _backup_to_a_folder),
    Attempt(
        "a host that ALLOWED_HOSTS does not name",
        "400 unknown_host",
        _host_that_is_not_allowed,
        settings={"ALLOWED_HOSTS": "127.0.0.1"},
    ),
)

"""/docs and /redoc: pages that load nothing from elsewhere and run no script that stands in them."""

import re
from importlib.resources import files

import pytest
from fastapi import FastAPI

from app.api.safe_headers import SAFE_HEADERS
from app.config import read_settings
from tests.api.conftest import ENVIRONMENT, Shop

pytestmark = pytest.mark.anyio

PAGES = ("/docs", "/redoc")
FILES = {
    "/docs/begin.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/docs/swagger-ui.css": "text/css; charset=utf-8",
    "/redoc/logo-mini.svg": "image/svg+xml",
    "/redoc/page.css": "text/css; charset=utf-8",
    "/redoc/redoc.standalone.js": "text/javascript; charset=utf-8",
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_root_leads_to_the_pages_and_repeats_no_host(shop: Shop, method: str) -> None:
    answer = await shop.client().request(method, "/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["Location"]) == (307, "/docs")
    assert "evil.example" not in f"{answer.headers} {answer.text}"


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_names_its_branch_and_loads_files_of_this_node_only(shop: Shop, page: str) -> None:
    answer = await shop.client().get(page)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<title>matriz: API" in answer.text
    assert not re.search(r"https?:|src=\"//|href=\"//", answer.text)
    loaded = {f"/{name}" for name in re.findall(r"(?:src|stylesheet\" href)=\"([^\"]+)\"", answer.text)}
    assert len(loaded) >= 2
    assert loaded <= FILES.keys()


@pytest.mark.parametrize("page", PAGES)
async def test_no_script_stands_in_a_page_and_none_of_elsewhere_is_allowed(shop: Shop, page: str) -> None:
    answer = await shop.client().get(page)
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    assert not re.search("unsafe|https?:", answer.headers["Content-Security-Policy"])
    assert re.findall(r"<script[^>]*>(.+?)</script>|\son\w+=|<style", answer.text) == []
    others = {name: value for name, value in SAFE_HEADERS.items() if name != "Content-Security-Policy"}
    assert {name: answer.headers[name] for name in others} == others


@pytest.mark.parametrize(("path", "media_type"), FILES.items())
async def test_a_file_of_a_page_is_sent_whole_and_may_be_kept(shop: Shop, path: str, media_type: str) -> None:
    client = shop.client()
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    assert int(answer.headers["Content-Length"]) == len(answer.content) > 0
    assert answer.headers["Cache-Control"] == "max-age=3600"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await client.get(path)).content == answer.content


async def test_the_programs_of_the_pages_are_those_of_the_package(shop: Shop) -> None:
    client, shipped = shop.client(), files("fastapi_standalone_docs") / "static"
    for path, file in (
        ("/docs/swagger-ui-bundle.js", shipped / "swagger" / "swagger-ui-bundle.js"),
        ("/redoc/redoc.standalone.js", shipped / "redoc" / "redoc.standalone.js"),
    ):
        assert (await client.get(path)).content == file.read_bytes()


@pytest.mark.parametrize("path", ["/docs/other.js", "/redoc/begin.js", "/docs/..%2Fpage.css", "/docs/"])
async def test_no_other_file_is_sent(shop: Shop, path: str) -> None:
    answer = await shop.client().get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/", *PAGES, *FILES])
async def test_the_pages_are_there_before_the_node_is_ready(unopened: FastAPI, path: str) -> None:
    answer = await Shop(unopened, unopened.state.node).client().get(path)
    assert answer.status_code == (307 if path == "/" else 200)


async def test_the_pages_are_answered_only_under_the_names_that_are_allowed(shop: Shop) -> None:
    allowed = {"ALLOWED_HOSTS": "matriz", "DATABASE_PATH": str(shop.node.settings.database_path)}
    shop.node.settings = read_settings({**ENVIRONMENT, **allowed})
    for path in ("/", *PAGES, *FILES):
        answer = await shop.client().get(path, headers={"Host": "evil.example"})
        assert answer.status_code == 400


async def test_the_large_files_count_as_many_requests_of_a_stranger(shop: Shop) -> None:
    client = shop.client()
    statuses = [(await client.get("/docs/swagger-ui-bundle.js")).status_code for _ in range(30)]
    assert (statuses[:20], statuses[-1]) == ([200] * 20, 429)

"""/docs and /redoc: the OpenAPI document as pages for people. All that they load comes from this node, so
they work where there is no internet. `/` leads to the first of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.api.dependencies import CurrentNode
from app.api.pages import PIECE_BYTES, PiecesResponse
from app.domain.errors import NotFound

router = APIRouter(include_in_schema=False)
_READ = ["GET", "HEAD"]

# A package that ships the two programs of the pages with their licences. Its own code is not used: it puts
# scripts into the pages themselves, which the Content-Security-Policy forbids.
_SHIPPED = "fastapi_standalone_docs"
_KEPT = {"Cache-Control": "max-age=3600"}  # public files of a package, without a word of this node's

# Addresses are relative: so the pages work behind a proxy that serves a node under a path, too.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{branch}: {what}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{style}">
</head>
<body>
<noscript>This page needs JavaScript. It shows <a href="openapi.json">openapi.json</a>.</noscript>
{body}
</body>
</html>
"""
_DOCS_BODY = """<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/begin.js"></script>"""
_REDOC_BODY = """<redoc spec-url="openapi.json"></redoc>
<script src="redoc/redoc.standalone.js"></script>"""

# `validatorUrl` would send the document's address to a validator on the internet.
_BEGIN = b"""SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""


@dataclass(frozen=True)
class PageFile:
    """A file of a page: its media type, and how it is read."""

    media_type: str
    read: Callable[[], bytes]


def _shipped(folder: str, name: str) -> bytes:
    found: Traversable = files(_SHIPPED) / "static" / folder / name
    return found.read_bytes()


_SCRIPT, _STYLE = "text/javascript", "text/css"
_FILES: Mapping[str, PageFile] = {
    "docs/begin.js": PageFile(_SCRIPT, lambda: _BEGIN),
    "docs/swagger-ui-bundle.js": PageFile(_SCRIPT, partial(_shipped, "swagger", "swagger-ui-bundle.js")),
    "docs/swagger-ui.css": PageFile(_STYLE, partial(_shipped, "swagger", "swagger-ui.css")),
    "redoc/logo-mini.svg": PageFile("image/svg+xml", partial(_shipped, "redoc", "logo-mini.svg")),
    "redoc/page.css": PageFile(_STYLE, lambda: b"body { margin: 0; }\n"),
    "redoc/redoc.standalone.js": PageFile(_SCRIPT, partial(_shipped, "redoc", "redoc.standalone.js")),
}


@cache
def _pieces(name: str) -> tuple[bytes, ...]:
    """A file in pieces, read once: however many ask for it, it is in memory once."""
    whole = _FILES[name].read()
    return tuple(whole[start : start + PIECE_BYTES] for start in range(0, len(whole), PIECE_BYTES))


@router.api_route("/", methods=_READ)
async def root() -> Response:
    """Lead people to the pages. The answer names no host: the client's word for it would be repeated."""
    return RedirectResponse("/docs")


@router.api_route("/docs", methods=_READ)
async def docs(node: CurrentNode) -> Response:
    """The interactive page: it logs in and sends requests."""
    return _page(node.settings.node_name, "API", "docs/swagger-ui.css", _DOCS_BODY)


@router.api_route("/redoc", methods=_READ)
async def redoc(node: CurrentNode) -> Response:
    """The page to read and to search in."""
    return _page(node.settings.node_name, "API reference", "redoc/page.css", _REDOC_BODY)


@router.api_route("/docs/{name}", methods=_READ)
async def docs_file(name: str, node: CurrentNode) -> Response:
    """A file of the interactive page."""
    return await _file(node, f"docs/{name}")


@router.api_route("/redoc/{name}", methods=_READ)
async def redoc_file(name: str, node: CurrentNode) -> Response:
    """A file of the page to read."""
    return await _file(node, f"redoc/{name}")


def _page(branch: str, what: str, style: str, body: str) -> Response:
    return HTMLResponse(_PAGE.format(branch=escape(branch), what=what, style=style, body=body))


async def _file(node: CurrentNode, name: str) -> Response:
    if name not in _FILES:
        raise NotFound("page", f"/{name}")
    pieces = await node.executor.run("reader", partial(_pieces, name))
    return PiecesResponse(pieces, media_type=_FILES[name].media_type, headers=_KEPT)

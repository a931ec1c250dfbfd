"""The headers of every answer: no browser or cache on the way does more with it than it must."""

from collections.abc import Mapping, Sequence

_NOTHING = "default-src 'none'; frame-ancestors 'none'"
# The pages that explain the API load what this node serves, and run no script that stands in a page. Redoc
# puts two styles into its page: an empty one that its script fills later, and that of its scroll bars. It
# searches in a worker that it makes of its own script.
_REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    " 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
)
_PAGE = (
    f"default-src 'none'; script-src 'self'; worker-src blob:; style-src 'self' {_REDOC_STYLES};"
    " connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGES = ("/docs", "/redoc")

SAFE_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": _NOTHING,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Of every answer but a page: it is nobody's page, is shown in no frame, and is kept by no cache."""


RawHeaders = Sequence[tuple[bytes, bytes]]


def _raw(headers: Mapping[str, str]) -> RawHeaders:
    return tuple((name.lower().encode(), value.encode()) for name, value in headers.items())


RAW_SAFE_HEADERS = _raw(SAFE_HEADERS)
SAFE_LINES = b"".join(b"%b: %b\r\n" % header for header in RAW_SAFE_HEADERS)
_RAW_HEADERS_OF_PAGES = _raw({**SAFE_HEADERS, "Content-Security-Policy": _PAGE})


def raw_headers_at(path: str) -> RawHeaders:
    """The headers of an answer at this path, as ASGI has them."""
    return _RAW_HEADERS_OF_PAGES if path in _PAGES else RAW_SAFE_HEADERS

"""Whether a request's header is short, and says in one way only where its body ends. Pure."""

from collections.abc import Iterable, Mapping

from starlette.types import Scope

LONGEST_HEADER = 16 * 1024
"""Bytes of a request's target and header lines. The parser's own limit holds only for headers in pieces."""

_BESIDE_A_LINE = len(": \r\n")
_FRAMED_TWICE = frozenset((b"content-length", b"transfer-encoding"))


def fault_of(scope: Scope, sent: Mapping[bytes, bytes]) -> str | None:
    """The problem with how a request is framed, or None. `sent` has the first value of each header.

    A proxy that reads the one length, where this node reads the other, would take a part of the body for the
    next client's request.
    """
    if sent.keys() >= _FRAMED_TWICE:
        return "framed_twice"
    target = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    return "header_too_large" if target + _size(scope["headers"]) > LONGEST_HEADER else None


def _size(lines: Iterable[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + _BESIDE_A_LINE for name, value in lines)

"""Answers only to the names that the node is reached by."""

from collections.abc import Collection, Mapping


def is_asked_by_name(sent: Mapping[bytes, bytes], allowed: Collection[str]) -> bool:
    """Whether a request is for a host of ALLOWED_HOSTS. Without that setting every name is answered."""
    return not allowed or _host(sent) in allowed


def _host(sent: Mapping[bytes, bytes]) -> str:
    """The host that was asked for, without its port."""
    asked = sent.get(b"host", b"").decode("latin-1").strip().lower()
    name, colon, port = asked.rpartition(":")
    return name if colon and port.isdecimal() else asked

"""Why a node gave no answer, in words about that node: the same words that nodes use of each other."""

import socket
from collections.abc import Iterator

import httpx

from branchlab.language import N_, deferred

# The first that fits says why no answer came; a time-out, within which part of the request's patience.
_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (httpx.ConnectTimeout, N_("took no connection {within}"), "connect"),
    (httpx.WriteTimeout, N_("took no data {within}"), "write"),
    (httpx.PoolTimeout, N_("too many calls are under way here"), "pool"),
    (httpx.TimeoutException, N_("did not answer {within}"), "read"),
    ((httpx.NetworkError, httpx.RemoteProtocolError), N_("ended the connection without an answer"), "read"),
    (httpx.HTTPError, N_("the call failed: {error}"), "read"),
)


def reason_of(error: httpx.HTTPError) -> str:
    """`did not answer in 3 s`, `refuses connections`…: what a call without an answer met."""
    if isinstance(error, httpx.ConnectError):
        return _refusal_of(error)
    said, phase = next((words, phase) for kinds, words, phase in _REASONS if isinstance(error, kinds))
    return deferred(said, within=_within(error, phase), error=str(error))


def _within(error: httpx.HTTPError, phase: str) -> str:
    """`in 3 s`, by the time-out that the request had for this; `in time` where that is not known."""
    try:
        seconds = error.request.extensions["timeout"][phase]
    except (RuntimeError, KeyError):
        return deferred("in time")
    return deferred("in time") if seconds is None else deferred("in {seconds:g} s", seconds=seconds)


def _refusal_of(error: httpx.ConnectError) -> str:
    causes = [*_causes(error)]
    # A stand-in for a node says it in its message alone.
    if any(isinstance(one, ConnectionRefusedError) for one in causes) or "refused" in str(error):
        return deferred("refuses connections")
    if any(isinstance(one, socket.gaierror) for one in causes):
        return deferred("has a name that leads nowhere")
    said = next((one.strerror for one in causes if isinstance(one, OSError) and one.strerror), None)
    return deferred("cannot be reached: {why}", why=said or str(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        if isinstance(following, BaseExceptionGroup):  # of several addresses, the last one's word will do
            following = following.exceptions[-1]
        else:
            following = following.__cause__ or following.__context__

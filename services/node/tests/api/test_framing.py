"""Requests whose header is too large, or says in two ways where the body ends."""

from collections.abc import Mapping

import httpx
import pytest

from app.api import framing
from app.api.framing import LONGEST_HEADER
from tests.api.conftest import Shop


def closes(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("connection") == "close")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/healthz", {"x-filler": "a" * LONGEST_HEADER}),
        ("/healthz", {f"x-{number}": "" for number in range(LONGEST_HEADER // 6)}),
        (f"/{'a' * LONGEST_HEADER}", {}),
        (f"/healthz?{'a' * LONGEST_HEADER}", {}),
    ],
)
async def test_a_header_beyond_16_kib_is_refused_however_it_comes(
    shop: Shop, path: str, headers: Mapping[str, str]
) -> None:
    answer = await shop.client().get(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (431, "header_too_large")
    assert closes(answer)


@pytest.mark.anyio
async def test_a_header_of_nearly_16_kib_is_served(shop: Shop) -> None:
    answer = await shop.client().get("/healthz", headers={"x-filler": "a" * (LONGEST_HEADER - 300)})
    assert (answer.status_code, closes(answer)) == (200, False)


@pytest.mark.anyio
async def test_a_body_with_two_lengths_is_refused_and_the_connection_closes(shop: Shop) -> None:
    both = {"content-length": "2", "transfer-encoding": "chunked"}
    answer = await shop.client().post("/orders", content=b"{}", headers=both)
    assert (answer.status_code, answer.json()["code"]) == (400, "framed_twice")
    assert closes(answer)


@pytest.mark.parametrize("also", [{}, {b"host": b"matriz"}])
def test_two_lengths_are_a_fault_and_one_is_none(also: Mapping[bytes, bytes]) -> None:
    lengths = {b"content-length": b"2", b"transfer-encoding": b"chunked"}

    def fault(sent: Mapping[bytes, bytes]) -> str | None:
        scope = {"raw_path": b"/orders", "query_string": b"", "headers": [*sent.items()]}
        return framing.fault_of(scope, sent)

    assert fault({**lengths, **also}) == "framed_twice"
    for name, value in lengths.items():
        assert fault({name: value, **also}) is None

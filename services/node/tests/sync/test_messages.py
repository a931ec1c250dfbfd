"""How the bodies of messages are read."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.sync.wire.message import BulkyMessage
from app.sync.wire.messages import Batch, Page

HEAD = {"seq": 1, "event_id": "a"}
EVENT = {
    "seq": 2, "event_id": "b", "kind": "k", "entity": "e", "schema_version": 1, "lamport": 3,
    "revisions": {"users": 2}, "body": {"rows": [1, 1.5, None, "a", {"b": []}]}, "later": [1],
}  # fmt: skip
BATCH: dict[str, Any] = {
    "origin": "matriz", "epoch": "e", "to_epoch": "f", "after": HEAD, "through": {**HEAD, "seq": 2},
    "lamport": 3, "events": [EVENT], "later": {"x": 1},
}  # fmt: skip
PAGE: dict[str, Any] = {
    "epoch": "e", "relation": "orders", "revisions": {"orders": 1}, "before": {"stock": [{"id": "a"}]},
    "rows": [{"id": "b", "lines": [{"line": 1}]}], "next": None, "sha256": "c", "heads": {"matriz@e": HEAD},
}  # fmt: skip
NONSENSE: tuple[Any, ...] = (None, True, 1, -1, 2.0, 2**63, "", "a", "a" * 300, [], [1], {}, {"a": 1})


@pytest.mark.parametrize(("kind", "whole"), [(Batch, BATCH), (Page, PAGE)])
def test_a_bulky_message_is_read_as_any_other(kind: type[BulkyMessage], whole: dict[str, Any]) -> None:
    for said in (whole, *({**whole, name: odd} for name in whole for odd in NONSENSE)):
        body = json.dumps(said).encode()
        assert _outcome(kind.read, body) == _outcome(kind.model_validate_json, body)


def test_an_event_of_a_batch_is_read_as_any_other_message() -> None:
    for said in ({**EVENT, name: odd} for name in EVENT for odd in NONSENSE):
        body = json.dumps({**BATCH, "events": [said]}).encode()
        assert _outcome(Batch.read, body) == _outcome(Batch.model_validate_json, body)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[1]", b'{"origin":"\\ud800"}', b"[" * 300, b"NaN"])
def test_what_is_no_message_is_refused_in_the_same_words(body: bytes) -> None:
    assert _outcome(Batch.read, body) == _outcome(Batch.model_validate_json, body)


def _outcome(read: Any, body: bytes) -> Any:
    """The message, or what is wrong with it: where, and in which words."""
    try:
        return read(body)
    except ValidationError as error:
        return [(found["loc"], found["type"]) for found in error.errors()]

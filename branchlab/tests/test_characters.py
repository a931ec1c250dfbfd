"""The lab refuses characters in keys and names as nodes do."""

import json
from typing import Any

import pytest

from branchlab import settings
from branchlab.nodes import characters

VECTORS = json.loads((settings.ROOT / "tests/vectors/characters.json").read_text(encoding="utf-8"))


def said(fault: characters.Fault | None) -> str | None:
    return None if fault is None else f"{fault.reason} {fault.character}".strip()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["about"])
def test_a_text_is_refused_as_nodes_refuse_it(vector: dict[str, Any]) -> None:
    assert said(characters.key_fault(vector["text"])) == vector["key"]
    assert said(characters.name_fault(vector["text"])) == vector["name"]

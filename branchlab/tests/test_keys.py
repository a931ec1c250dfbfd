"""The lab compares skus and customer codes as nodes do."""

import json

import pytest

from branchlab import settings
from branchlab.nodes.keys import same_key

VECTORS = json.loads((settings.ROOT / "tests/vectors/keys.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["about"])
def test_all_spellings_of_a_key_are_equal_as_nodes_compare_them(vector: dict[str, str]) -> None:
    found = {spelling: same_key(spelling) for spelling in (*vector["spellings"], vector["key"])}
    assert found == dict.fromkeys(found, vector["key"])

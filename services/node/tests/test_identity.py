"""Ids that need no agreement."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain import identity

VECTORS = json.loads(
    (Path(__file__).resolve().parents[3] / "tests/vectors/keys.json").read_text(encoding="utf-8")
)
CLUSTER = "5b0c1c9e-3f0e-4f57-8f35-8a4d2f5a0001"
OTHER_CLUSTER = "5b0c1c9e-3f0e-4f57-8f35-8a4d2f5a0002"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CAFE-500", "cafe-500"),
        (" CAFE-500\t", "CAFE-500"),
        ("STRASSE", "straße"),
        ("ＣＡＦＥ", "cafe"),  # full-width letters
        ("cafe\u0301", "café"),  # e with a combining accent
    ],
)
def test_two_spellings_of_one_key_have_one_id(one: str, other: str) -> None:
    assert identity.product_id(CLUSTER, other) == identity.product_id(CLUSTER, one)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["about"])
def test_the_lab_and_the_node_compare_keys_by_one_rule(vector: dict[str, str]) -> None:
    """`branchlab/tests/test_keys.py` holds the lab's rule to the same vectors."""
    found = {spelling: identity.normalised(spelling) for spelling in (*vector["spellings"], vector["key"])}
    assert found == dict.fromkeys(found, vector["key"])


def test_accents_and_inner_spaces_make_another_key() -> None:
    ids = {identity.customer_id(CLUSTER, code) for code in ("cafe", "café", "ca fe")}
    assert len(ids) == 3


def test_the_same_key_is_another_id_for_another_kind_or_network() -> None:
    ids = {
        identity.product_id(CLUSTER, "ana"),
        identity.customer_id(CLUSTER, "ana"),
        identity.user_id(CLUSTER, "ana"),
        identity.user_id(OTHER_CLUSTER, "ana"),
    }
    assert len(ids) == 4


def test_an_id_never_changes_between_versions_of_this_code() -> None:
    """A node with another rule would make a second row of every product."""
    assert identity.product_id(CLUSTER, "CAFE-500") == "a174d071-a9f7-5360-bef1-be9b9a555b11"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
@example("\u0345\u0301 ")  # casefolding undoes NFKC here
def test_normalising_twice_is_normalising_once(key: str) -> None:
    once = identity.normalised(key)
    assert identity.normalised(once) == once


def test_an_order_id_is_a_uuid_of_version_7_with_its_time_in_front() -> None:
    made = UUID(identity.uuid7(1_795_473_843.431, bytes(range(10))))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == 1_795_473_843_431


@given(
    st.floats(0, 4e9),
    st.floats(0, 4e9),
    st.binary(min_size=10, max_size=10),
    st.binary(min_size=10, max_size=10),
)
def test_order_ids_sort_by_time(one: float, other: float, drawn: bytes, also_drawn: bytes) -> None:
    earlier, later = sorted((one, other))
    if int(earlier * 1000) < int(later * 1000):
        assert identity.uuid7(earlier, drawn) < identity.uuid7(later, also_drawn)


@given(st.binary(min_size=10, max_size=10), st.sampled_from(["sul", "norte", "filial-sul", ""]))
def test_an_order_id_is_marked_with_its_branch(drawn: bytes, branch: str) -> None:
    made = identity.order_id(1.7e9, drawn, branch=branch)
    assert UUID(made).version == 7
    assert made[:24] == identity.uuid7(1.7e9, drawn)[:24]
    assert identity.is_order_id_of(branch, made)
    assert not any(identity.is_order_id_of(other, made) for other in ("matriz", f"{branch}x"))


@pytest.mark.parametrize("order_id", ["", "no id", "018bcfe5-0000-7000-8000-000000000000"])
def test_an_id_without_a_mark_is_of_no_branch(order_id: str) -> None:
    assert not identity.is_order_id_of("sul", order_id)


@given(st.sampled_from([-1e9, 0.0, 1.7e9, 1e30]), st.binary(min_size=10, max_size=10))
def test_no_clock_however_wrong_breaks_an_order_id(seconds: float, drawn: bytes) -> None:
    assert UUID(identity.uuid7(seconds, drawn)).version == 7


@given(
    seconds=st.floats(min_value=0, max_value=1e12),
    drawn=st.binary(min_size=10, max_size=10),
    branch=st.text(),
)
def test_an_orders_id_is_written_as_uuids_are(seconds: float, drawn: bytes, branch: str) -> None:
    made = identity.order_id(seconds, drawn, branch=branch.encode("utf-8", "replace").decode())
    assert (str(UUID(made)), UUID(made).version) == (made, 7)
    assert made[:13] == identity.uuid7(seconds, drawn)[:13]

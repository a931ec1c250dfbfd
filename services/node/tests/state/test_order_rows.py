"""An order that is read in the short way is read as in the long one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.domain import forms
from app.domain.order import LINE
from app.state.tables import order_rows

COLUMNS = st.one_of(st.text("aÉ\x1f\x00", max_size=2), st.integers(-1, 2), st.floats(0, 2), st.none())
STRANGE = st.one_of(COLUMNS, st.binary(max_size=1))
ORDER = st.tuples(*[COLUMNS] * len(order_rows.ORDER))
LINES = st.lists(st.tuples(*[COLUMNS] * len(LINE), st.none()), max_size=2)


@given(
    order=ORDER,
    lines=LINES,
    beyond=st.sampled_from([None, "{}", '{"more":1}']),
    strange=st.none() | st.tuples(st.integers(0, len(order_rows.ORDER) - 1), STRANGE),
)
def test_an_order_is_read_alike_in_both_ways(
    order: tuple[Any, ...], lines: list[tuple[Any, ...]], beyond: str | None, strange: tuple[int, Any] | None
) -> None:
    values = [*order, beyond, 7]
    if strange is not None:
        values[strange[0]] = strange[1]
    short = order_rows._plain(tuple(values), lines)
    if short is not None:
        long = order_rows._any(forms.of("orders"), forms.of("order_lines"), tuple(values), lines)
        assert short == long
        assert repr(short) == repr(long)


def test_the_usual_order_is_read_in_the_short_way() -> None:
    values: list[Any] = ["x"] * len(order_rows.ORDER)
    line = (1, "Rice", "p", 2, "RICE", 250, None)
    for name in ("idempotency_key", "note"):
        values[order_rows.ORDER.index(name)] = None
    assert order_rows._plain((*values, None, 7), [line]) is not None
    assert order_rows._plain((*values, "{}", 7), [line]) is None
    assert order_rows._plain((*values, None, 7), [(*line[:-1], "{}")]) is None
    assert order_rows._plain((*values, None, 7), [(1, None, *line[2:])]) is None

"""The quick look at an event says nothing else than the thorough one."""

import sqlite3
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.database import own_rows
from app.database.seals import seal

WRITTEN = ("e", 7, "id", "order_created", "o", 3, 1_700_000_000.25, 1)
anything = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.integers(min_value=-9, max_value=9),
    st.floats(allow_nan=False),
    st.sampled_from(["None", "7", "3", "\x00", 7.0, 3.0, 1.0, b"id"]),
)


def row_of(values: tuple[Any, ...], checksum: int) -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    names = (*own_rows.COLUMNS["events"], "checksum")
    found = connection.execute(
        f"SELECT {', '.join(f'? AS {name}' for name in names)}", (*values, checksum)
    ).fetchone()
    connection.close()
    assert isinstance(found, sqlite3.Row)
    return found


def test_an_event_as_it_was_written_is_sound_at_a_quick_look() -> None:
    assert own_rows.is_sound_event(row_of(WRITTEN, seal(WRITTEN)))


@given(place=st.integers(min_value=0, max_value=len(WRITTEN) - 1), value=anything)
def test_an_altered_event_is_never_sound_at_a_quick_look_alone(place: int, value: Any) -> None:
    altered = (*WRITTEN[:place], value, *WRITTEN[place + 1 :])
    for sealed in (WRITTEN, altered):
        row = row_of(altered, seal(sealed))
        assert not own_rows.is_sound_event(row) or own_rows.is_sound("events", row)

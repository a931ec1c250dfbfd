"""Bugs of rows that are not what was written: believed, told, sold by, or mended by what proves nothing."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

from app.database import Database, seals
from app.database.pieces import Pieces
from app.domain import forms
from app.domain.forms import Form
from app.state.registry import entity
from app.state.registry.entity import Entity
from app.state.repair import buckets, checking, unwritten
from app.state.repair.checking import Trouble
from app.state.tables import cell_rows, lww_table, order_briefs, order_rows, stock_table
from app.sync.damage import paced_reader, scrub
from app.sync.damage.turns import TurnService
from tests.recovery import test_altered_rows as altered
from tests.recovery import test_own_cells
from tests.recovery import test_unwritten_rows as unwritten_rows
from tests.recovery.altered_rows import CHANGES, MISSING
from tests.recovery.test_damaged_files import test_an_empty_node_beside_a_file_that_was_set_aside_never_founds
from tests.recovery.test_turns import test_two_damaged_ones_are_rebuilt_one_after_the_other
from tests.state import test_looking_for_troubles as looking
from tests.state import test_order_briefs as briefs
from tests.sync import test_paced_reader
from tests.sync.test_unknown_fields import test_they_survive_what_this_version_does_to_the_row
from tests.teeth.bug import Directed, bug


def _believed(_connection: Any, stored: seals.Stored, use: str = "show") -> Any:
    return stored.row


@bug(
    "a row that is not what was written is told to nobody",
    Directed(altered.test_a_rebuilding_node_is_given_no_altered_row),
)
def altered_rows_are_told() -> AbstractContextManager[object]:
    """Whoever reads a row takes it as it stands, whatever its seal says."""
    stack = ExitStack()
    for module in (lww_table, entity, cell_rows):
        stack.enter_context(mock.patch.object(module, "require_written", _believed))
    return stack


@bug(
    "a row that is not what was written is told to nobody",
    Directed(
        altered.test_a_change_under_a_running_node_is_never_told_to_anybody,
        {"statement": CHANGES["order_lines"]},
    ),
)
def the_usual_order_is_read_without_its_seal() -> AbstractContextManager[object]:
    """An order that is read in the short way fits its seal, whatever its lines say."""
    read = order_rows._plain

    def believed(values: Sequence[Any], lines: Sequence[tuple[Any, ...]]) -> seals.Stored | None:
        stored = read(values, lines)
        return None if stored is None else replace(stored, found=stored.written)

    return mock.patch.object(order_rows, "_plain", believed)


@bug(
    "no unit is sold by a row that nobody can confirm",
    Directed(
        altered.test_what_all_members_find_altered_stays_and_is_named,
        {"statement": CHANGES["stock"]},
    ),
)
def altered_stock_is_sold() -> AbstractContextManager[object]:
    """Once it is listed, an altered stock row counts for orders, too."""
    cells = cell_rows.cells
    return mock.patch.object(
        cell_rows, "cells", lambda connection, product_id, **_: cells(connection, product_id)
    )


@bug(
    "an altered row is mended by what proves its content",
    Directed(altered.test_a_peer_that_lacks_events_proves_nothing_about_a_row_that_changed_since),
)
def any_peers_row_mends() -> AbstractContextManager[object]:
    """A peer's row is taken whether or not it fits the seal, and however little the peer knows."""
    return mock.patch.object(buckets, "_proves", return_value=True)


@bug(
    "a missing row is found by the digest and brought back",
    Directed(
        altered.test_one_altered_file_is_mended_by_the_peers,
        {"statement": MISSING["a missing order"]},
    ),
)
def missing_rows_are_counted_away() -> AbstractContextManager[object]:
    """A bucket whose rows are all as written is counted anew, though one of them is gone."""
    plan = buckets.plan

    def hasty(*arguments: Any, **options: Any) -> buckets.Plan:
        found = plan(*arguments, **options)
        return found if found.left else buckets.Plan(recount=True)

    return mock.patch.object(buckets, "plan", hasty)


@bug(
    "a row that was written is never moved out",
    Directed(
        unwritten_rows.test_a_row_that_was_written_is_never_moved_out,
        {"statement": CHANGES["orders"], "accepting": False},
    ),
)
def whatever_differs_is_moved_out() -> AbstractContextManager[object]:
    """A row that no peer can confirm is taken for one that nobody wrote, whatever the total says."""
    plan = buckets.plan

    def rash(*arguments: Any, **options: Any) -> buckets.Plan:
        found = plan(*arguments, **options)
        return replace(found, left=(), unwritten=found.left)

    stack = ExitStack()
    stack.enter_context(mock.patch.object(buckets, "plan", rash))
    stack.enter_context(mock.patch.object(unwritten, "_is_named", return_value=False))
    return stack


@bug(
    "a row that nobody wrote leaves no ghost",
    Directed(
        unwritten_rows.test_a_row_that_somebody_inserted_is_moved_out,
        {"statement": unwritten_rows.INSERTED["stock"]},
    ),
)
def ghosts_stay() -> AbstractContextManager[object]:
    """What the total does not count is left where it is."""
    return mock.patch.object(unwritten, "move_out", lambda _tx, _entity, keys: list(keys))


@bug(
    "a damaged number ends no life",
    Directed(altered.test_a_damaged_version_of_a_stock_row_ends_no_life, {"where": "matriz"}),
)
def a_damaged_version_ends_a_life() -> AbstractContextManager[object]:
    """Hello compares the versions of stock rows without looking whether they are what was written."""
    return mock.patch.object(
        stock_table, "without_altered", lambda _connection, _life, product_ids: list(product_ids)
    )


@bug(
    "a peer that does not answer is asked again later",
    Directed(altered.test_altered_rows_stay_until_a_peer_can_be_reached_that_mends_them),
)
def the_first_scrub_is_the_last_word() -> AbstractContextManager[object]:
    """A bucket that no peer could mend once is never looked at again."""
    seen: set[Any] = set()
    mend = scrub.Scrub._mend

    async def once(self: scrub.Scrub, trouble: Trouble) -> str | None:
        if trouble in seen:
            return None
        seen.add(trouble)
        return await mend(self, trouble)

    return mock.patch.object(scrub.Scrub, "_mend", once)


@bug(
    "what is written while rows are read is no trouble",
    Directed(looking.test_what_is_written_while_all_is_read_is_no_trouble),
)
def a_scrub_that_believes_its_first_look() -> AbstractContextManager[object]:
    """A bucket that changed while its relation was read is taken for one with a trouble."""

    def believed(entity: Entity, suspects: Collection[int]) -> Pieces[list[Trouble]]:
        yield lambda _connection: None
        return [Trouble(entity.relation, bucket, (), True) for bucket in sorted(suspects)]

    return mock.patch.object(checking, "_confirmed", believed)


@bug(
    "a scrub leaves most of the time to orders",
    Directed(test_paced_reader.test_pieces_are_read_in_a_small_share_of_the_time),
)
def a_scrub_without_rests() -> AbstractContextManager[object]:
    """A scrub reads one piece after the other."""
    return mock.patch.object(paced_reader.PacedReader, "_rest_after", mock.AsyncMock())


@bug(
    "what a newer version wrote stays with the row",
    Directed(test_they_survive_what_this_version_does_to_the_row),
)
def unknown_fields_are_dropped() -> AbstractContextManager[object]:
    """A row keeps only the fields that this version knows."""

    def known(self: Form, row: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    return mock.patch.object(forms.Form, "checked_beyond", known)


@bug(
    "nobody founds beside a file that was set aside",
    Directed(test_an_empty_node_beside_a_file_that_was_set_aside_never_founds),
)
def founding_beside_a_file_that_was_set_aside() -> AbstractContextManager[object]:
    """An empty node founds when all its peers are empty, whatever lies beside its file."""
    return mock.patch.object(Database, "has_set_aside", False)


@bug(
    "damaged files are replaced one at a time",
    Directed(test_two_damaged_ones_are_rebuilt_one_after_the_other, {"serving": ("matriz",)}),
)
def a_turn_for_everybody() -> AbstractContextManager[object]:
    """Whoever serves gives each member its turn, though another has it."""
    return mock.patch.object(TurnService, "_give", lambda _self, _name, wanted: wanted.wish == "ask")


@bug(
    "no unit is spent by an own row that is gone or went back",
    Directed(test_own_cells.test_an_own_row_that_is_gone_everywhere_is_never_begun_anew),
)
def own_rows_are_believed() -> AbstractContextManager[object]:
    """A node does not remember outside its row of stock which version of it it wrote."""
    return mock.patch.object(cell_rows, "mark", return_value=None)


@bug(
    "an order that is not what was written is shown to nobody",
    Directed(briefs.test_an_altered_order_is_not_shown_by_its_text, {"column": "product_id"}),
)
def the_orders_of_a_page_are_shown_without_their_seals() -> AbstractContextManager[object]:
    """What SQLite puts into one text is believed."""
    return mock.patch.object(order_briefs, "_fits_its_seal", return_value=True)


@bug(
    "a line that nobody wrote is shown to nobody",
    Directed(briefs.test_a_line_of_another_kind_is_not_left_out, {"column": "extra"}),
)
def a_strange_line_is_left_out_of_a_page() -> AbstractContextManager[object]:
    """A line that is not plain is passed over, and the others fit the seal."""
    select = order_briefs._select

    def without(of_line: tuple[str, ...]) -> str:
        return (
            select(of_line)
            .replace("ELSE '[0]'", "")
            .replace("WHERE order_id = o.id", "WHERE order_id = o.id AND extra IS NULL")
        )

    return mock.patch.object(order_briefs, "_select", without)

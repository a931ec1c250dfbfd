"""Whatever a peer sends in a body or a page, this program does not stumble: it applies it, or calls it the
sender's fault. Every part of real bodies is replaced by nonsense, one at a time."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from app.database import Transaction
from app.state.registry import replicated
from app.state.tables import products
from app.sync.catchup import snapshot
from app.sync.wire import kinds
from app.sync.wire.kinds import KINDS
from app.sync.wire.merging import UNAPPLICABLE
from app.sync.wire.messages import Page, WireEvent
from tests.support.branch import Branch, Branches, as_json
from tests.support.everything import one_of_everything

NONSENSE: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**62 + 1, 2**63, 10**30, float("nan"), float("inf"), "", " a", "a\x00", "@",
    "a" * 2000, "\ud800", [], [None], [[]], {}, {"a": []}, {"a@b": True},
)  # fmt: skip
Path = tuple[str | int, ...]


@pytest.fixture
def matriz(branches: Branches) -> Branch:
    """A branch with one of everything, and a grant."""
    return one_of_everything(branches, share_with=branches.make("norte"))


def paths(part: Any, at: Path = ()) -> Iterator[Path]:
    """The way to every part of a document, itself among them."""
    yield at
    if isinstance(part, dict):
        for name in part:
            yield from paths(part[name], (*at, name))
    elif isinstance(part, list):
        for number, item in enumerate(part):
            yield from paths(item, (*at, number))


def spoilt(document: Any) -> Iterator[Any]:
    """The document with each part replaced, removed, or with a field more."""
    for path in paths(document):
        for nonsense in NONSENSE:
            yield _with(document, path, nonsense)
        if path and isinstance(path[-1], str):
            gone = copy.deepcopy(document)
            del _at(gone, path[:-1])[path[-1]]
            yield gone
        if isinstance(_at(document, path), dict):
            for nonsense in NONSENSE:
                yield _with(document, (*path, "more"), nonsense)


def _at(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def _with(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(document)
    _at(changed, path[:-1])[path[-1]] = value
    return changed


class _Undone(Exception):
    """Ends a part whose changes are not to stay."""


def stumbles(tx: Transaction, event: WireEvent, body: Any) -> str | None:
    """What applying an event with this body raised that no sender can be blamed for."""
    try:
        with tx.savepoint():
            kinds.apply(tx, event.model_copy(update={"body": body}), origin="matriz")
            raise _Undone
    except (_Undone, *UNAPPLICABLE):
        return None
    except Exception as error:
        return f"{error!r} of {body!r}"


def body_of(branch: Branch, kind: str) -> Any:
    """The body of the last event of a kind, as it arrives; of an unknown kind, with rows of an unknown
    relation."""
    if kind not in KINDS:
        product = products.PRODUCTS.snapshot(branch.connection, branch.product_id("rice"))
        return {"rows": {"products": [product], "couriers": [{"id": "c"}]}}
    (entity,) = branch.connection.execute(
        "SELECT entity FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 1", (kind,)
    ).fetchone()
    return as_json(KINDS[kind].read(branch.connection, entity))


@pytest.mark.whole
@pytest.mark.parametrize("kind", [*KINDS, "prophecy"])
def test_no_body_makes_this_program_stumble(matriz: Branch, branches: Branches, kind: str) -> None:
    knows, knows_nothing = branches.make("sul"), branches.make("norte")
    matriz.send(knows)
    body = body_of(matriz, kind)
    event = WireEvent(seq=1, event_id="x", kind=kind, entity="e", schema_version=1, lamport=1, body=None)
    for branch in (knows, knows_nothing):
        found = branch.do(lambda tx: [stumbles(tx, event, nonsense) for nonsense in spoilt(body)])
        assert [stumble for stumble in found if stumble is not None] == []


@pytest.mark.parametrize("relation", replicated.relations())
def test_no_row_of_a_page_makes_this_program_stumble(
    matriz: Branch, branches: Branches, relation: str
) -> None:
    sul = branches.make("sul")
    matriz.send(sul)
    entity = replicated.get(relation)
    (row, *_) = as_json(entity.read(matriz.connection, entity.page_keys(matriz.connection)))

    def merge(tx: Transaction, spoilt_row: dict[str, Any]) -> None:
        page = Page.model_construct(
            epoch="e",
            relation=relation,
            revisions={},
            before={},
            rows=[spoilt_row, row],
            next=None,
            sha256="",
            heads={},
        )
        try:
            with tx.savepoint():
                snapshot.merge_page(tx, page, donor="matriz")
                raise _Undone
        except _Undone:
            pass

    def merge_all(tx: Transaction) -> None:
        for nonsense in spoilt(row):
            if isinstance(nonsense, dict):  # the message's own model refuses the others
                merge(tx, nonsense)

    sul.do(merge_all)

"""Merging the rows that a peer's events tell: those of one event, or of many together."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from app.database import Transaction
from app.domain.errors import Invalid
from app.domain.forms import Row
from app.state.registry import replicated, unknown_rows
from app.state.registry.entity import Entity
from app.state.tables.stock_table import Merged

UNAPPLICABLE = (Invalid, sqlite3.IntegrityError)
"""The errors of a body that its sender caused: no node could have written it, or it contradicts rows here.
Every other error is a mistake of this program. Then nothing is parked, and the whole batch or page fails."""

RowsBy = Mapping[str, list[Row]]
"""Rows by relation."""

Revisions = Mapping[str, int]
"""The revision of the form of each relation's rows. A relation that is not named has revision 1."""

ALL_FIRST: Revisions = MappingProxyType({})


def apply_rows(tx: Transaction, rows: RowsBy, origin: str, revisions: Revisions) -> Merged:
    """Merge the rows that `origin` sent, referred ones first, and keep those of unknown relations. Raises one
    of UNAPPLICABLE."""
    merged = Merged()
    for entity in replicated.entities():
        told = [entity.upcast(row, revisions) for row in rows.get(entity.relation, ())]
        if entity.of_branch:
            _require_of_branch(entity, told, origin)
            told = list(replicated.admissible(tx, entity, told))
        if told:
            merged.absorb(entity.merge(tx, told, origin))
    for relation in rows.keys() - set(replicated.relations()):
        for row in rows[relation]:
            if unknown_rows.keep(tx, relation, row, revision=revisions.get(relation, 1), origin=origin):
                merged.note_kept()
    return merged


def _require_of_branch(entity: Entity, rows: Iterable[Any], origin: str) -> None:
    for row in rows:
        if not isinstance(row, Mapping):
            raise Invalid(entity.relation, "not_an_object")
        if row.get("branch") != origin:
            raise Invalid(entity.relation, "of_another_branch")


def merge_together(tx: Transaction, told: RowsBy, origin: str) -> Merged:
    """Merge rows of known relations that many events of `origin` tell, relation by relation. Raises one of
    UNAPPLICABLE, or AlteredRow where a row here must be looked at first."""
    merged = Merged()
    for entity in replicated.entities():
        rows = told.get(entity.relation, [])
        if entity.of_branch:
            _require_of_branch(entity, rows, origin)
            rows = list(replicated.admissible(tx, entity, rows))
        if not rows:
            continue
        left: Sequence[Row] = rows
        if entity.relation != "stock":  # a cell that is the same may still be the first word of its own life
            changed, left = entity.bulk(tx, rows, origin)
            merged.changed = merged.changed or changed
        if left:
            merged.absorb(entity.merge(tx, left, origin))
    return merged


def distinct(rows: Iterable[Row]) -> list[Row]:
    """The rows without those that are told again, as the products of orders are."""
    first: dict[str, Row] = {}
    others: dict[str, list[Row]] = {}
    for row in rows:
        key = row.get("id")
        if type(key) is not str:
            key = "/".join([str(row.get(name)) for name in ("product_id", "branch", "epoch")])
        known = first.setdefault(key, row)
        if known is not row and known != row and row not in others.setdefault(key, []):
            others[key].append(row)
    if not others:
        return list(first.values())
    return [row for key, known in first.items() for row in (known, *others.get(key, ()))]

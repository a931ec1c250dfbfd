"""The rows that events send, read for many events together."""

import sqlite3
from collections.abc import Iterable

from app.database import AlteredRow
from app.domain.forms import Row
from app.state.registry import replicated


class Source:
    """Rows to be sent, as they stand: those of `load` are read together, any other when it is asked for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.name = str(connection.execute("SELECT name FROM node").fetchone()[0])
        self._rows: dict[str, dict[str, list[Row]]] = {}

    def load(self, relation: str, keys: Iterable[str]) -> None:
        """Read the rows of these page keys. Raises AlteredRow."""
        known = self._rows.setdefault(relation, {})
        wanted = [key for key in dict.fromkeys(keys) if key not in known]
        if wanted:
            entity = replicated.get(relation)
            known.update({key: [] for key in wanted})
            for row in entity.read(self.connection, wanted):
                known[row[entity.key[0]]].append(row)

    def rows(self, relation: str, keys: Iterable[str]) -> list[Row]:
        """The rows of these page keys, by key. Raises AlteredRow."""
        wanted = sorted(keys)
        known = self._rows.get(relation)
        if known is None or not known.keys() >= set(wanted):
            self.load(relation, wanted)
            known = self._rows[relation]
        return [row for key in wanted for row in known[key]]

    def one(self, relation: str, key: str) -> Row:
        """The row with this key. Raises AlteredRow where there is none, because no command deletes one."""
        known = self._rows.get(relation)
        found = known.get(key) if known is not None else None
        if not found:
            found = self.rows(relation, [key])
        if not found:
            raise AlteredRow(relation, key)
        return found[0]


def load(source: Source, states: Iterable[tuple[str, str]]) -> None:
    """Read what events of the first version's kinds will ask for, by kind and entity. Raises AlteredRow."""
    entities: dict[str, list[str]] = {}
    for kind, entity in states:
        entities.setdefault(kind, []).append(entity)
    cancelled = entities.get("order_cancelled", [])
    source.load("orders", [*entities.get("order_created", []), *cancelled])
    sold = {row["id"]: row for row in source.rows("orders", [*entities.get("order_created", []), *cancelled])}
    lines = {key: [line["product_id"] for line in row["lines"]] for key, row in sold.items()}
    stock = entities.get("stock_update", [])
    products = [*stock, *entities.get("product_upserted", []), *(p for line in lines.values() for p in line)]
    customers = [row["customer_id"] for row in sold.values()]
    source.load("products", products)
    source.load("customers", [*entities.get("customer_upserted", []), *customers])
    source.load("users", entities.get("user_upserted", []))
    source.load("stock", [*stock, *(p for key in cancelled for p in lines.get(key, ()))])

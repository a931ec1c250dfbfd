"""Which column of a file has which meaning, by its name in English or Portuguese or as it was told."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from branchlab.errors import LabError
from branchlab.language import N_, _
from branchlab.teaching.replay.faults import Fault
from branchlab.teaching.replay.reading.table import Table

Kind = Literal["products", "customers", "orders"]


@dataclass(frozen=True)
class Column:
    """A column that has a meaning: its name in both languages, and whether a file must have it."""

    name: str
    portuguese: str
    required: bool = True


COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    "products": (Column("sku", "sku"), Column("name", "nome"), Column("price", "preco")),
    "customers": (
        Column("code", "codigo"),
        Column("name", "nome"),
        Column("contact", "contato", required=False),
        Column("email", "email", required=False),
        Column("phone", "telefone", required=False),
        Column("city", "cidade", required=False),
        Column("country", "pais", required=False),
    ),
    "orders": (
        Column("order", "pedido"),
        Column("date", "data"),
        Column("branch", "filial"),
        Column("customer", "cliente"),
        Column("sku", "sku"),
        Column("quantity", "quantidade"),
        Column("unit_price", "preco_unitario"),
    ),
}
FILES: Mapping[Kind, tuple[str, str]] = {
    "products": ("products.csv", "produtos.csv"),
    "customers": ("customers.csv", "clientes.csv"),
    "orders": ("orders.csv", "pedidos.csv"),
}
"""The name of each file in both languages."""

_WANTS = N_("--map-columns wants COLUMN=HEADING or FILE.COLUMN=HEADING, as in orders.order=Invoice")


@dataclass(frozen=True)
class Located:
    """Where the columns with a meaning stand in a table: name → number of the cell. `ignored` are the names
    of all others; `faults` say why the table cannot be read by its heading."""

    cells: Mapping[str, int]
    ignored: tuple[str, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Told:
    """One `--map-columns`: the column `name` of the files `kinds` is the one with this heading. Without
    `of_file` it counts in those of the files that have such a heading."""

    kinds: tuple[Kind, ...]
    name: str
    heading: str
    of_file: bool


def spelled(name: str) -> str:
    """The form in which all spellings of a column's name are equal: `Preço unitário` is `preco_unitario`."""
    bare = unicodedata.normalize("NFKD", name.strip()).casefold()
    return "".join(character for character in bare if character.isalnum())


def parse_told(options: Sequence[str]) -> tuple[Told, ...]:
    """What `--map-columns` says. LabError for another form, for columns that no file has, and for a column
    told twice."""
    told = [_parse(pair) for option in options for pair in _pairs(option)]
    places = [(kind, one.name) for one in told for kind in one.kinds]
    for kind, name in places:
        if places.count((kind, name)) > 1:
            raise LabError(
                _(
                    "--map-columns says twice which column of {files} is {name}",
                    files=FILES[kind][0],
                    name=name,
                )
            )
    return tuple(told)


def is_known(kind: Kind, told: Sequence[Told], heading: str) -> bool:
    """Whether a column of this heading has a meaning in a file of this kind."""
    names = {spelled(name) for column in COLUMNS[kind] for name in (column.name, column.portuguese)}
    names |= {spelled(one.heading) for one in told if kind in one.kinds}
    return spelled(heading) in names


def locate(table: Table, kind: Kind, told: Sequence[Told]) -> Located:
    """Finds the columns of a table. One that is missing, or there twice, is a fault of the file."""
    cells: dict[str, int] = {}
    faults = []
    for column in COLUMNS[kind] if table.heading else ():
        heading = _told_heading(table, kind, told, column)
        names = [column.name, column.portuguese] if heading is None else [heading]
        found = _found(table.heading, names)
        if len(found) == 1:
            cells[column.name] = found[0]
        elif found:
            both = _(" and ").join(f"'{table.heading[number]}'" for number in found)
            faults.append(_fault(table, column, _("is there more than once: {both}", both=both)))
        elif column.required or heading is not None:
            faults.append(_fault(table, column, _missing(names, table.heading)))
    used = set(cells.values())
    ignored = (name for number, name in enumerate(table.heading) if number not in used and name)
    return Located(cells, tuple(ignored), tuple(faults))


def require_all_used(told: Sequence[Told], tables: Mapping[Kind, Table]) -> None:
    """LabError where no file has a heading that `--map-columns` names."""
    for one in told:
        if not any(_found(tables[kind].heading, [one.heading]) for kind in one.kinds):
            files = _(" and ").join(tables[kind].file for kind in one.kinds)
            raise LabError(
                _("--map-columns: {files} has no column '{heading}'", files=files, heading=one.heading)
            )


def _told_heading(table: Table, kind: Kind, told: Sequence[Told], column: Column) -> str | None:
    for one in told:
        if kind in one.kinds and one.name == column.name:
            return one.heading if one.of_file or _found(table.heading, [one.heading]) else None
    return None


def _found(heading: Sequence[str], names: Sequence[str]) -> list[int]:
    """The numbers of the columns that have one of these names; letter by letter where two are alike."""
    wanted = {spelled(name) for name in names}
    found = [number for number, name in enumerate(heading) if name and spelled(name) in wanted]
    exact = [number for number in found if heading[number] in names]
    return exact if len(found) > 1 and len(names) == 1 and len(exact) == 1 else found


def _missing(names: Sequence[str], heading: Sequence[str]) -> str:
    wanted = _(" or ").join(f"'{name}'" for name in dict.fromkeys(names))
    present = ", ".join(name for name in heading if name)
    return _(
        "is missing: no column is named {wanted}; there are {present}. Say which it is with --map-columns",
        wanted=wanted,
        present=present,
    )


def _fault(table: Table, column: Column, reason: str) -> Fault:
    return Fault(table.file, table.line, column.name, "", reason, table.heading, extent="file")


def _pairs(option: str) -> list[str]:
    """The pairs of one option: several with commas between them, unless a heading has commas itself."""
    pairs = option.split(",")
    return pairs if all("=" in pair for pair in pairs) else [option]


def _parse(pair: str) -> Told:
    place, equals, heading = (part.strip() for part in pair.partition("="))
    file, dot, name = place.rpartition(".")
    kinds = tuple(kind for kind in COLUMNS if not dot or _names(kind, file))
    if not equals or not heading or not kinds:
        raise LabError(_("{wants}, not '{pair}'", wants=_(_WANTS), pair=pair))
    for column in (column for kind in kinds for column in COLUMNS[kind]):
        if spelled(name) in (spelled(column.name), spelled(column.portuguese)):
            having = tuple(kind for kind in kinds if column.name in {one.name for one in COLUMNS[kind]})
            return Told(having, column.name, heading, of_file=bool(dot))
    known = dict.fromkeys(column.name for kind in kinds for column in COLUMNS[kind])
    raise LabError(
        _(
            "--map-columns: there is no column '{name}'; the columns are {known}",
            name=name,
            known=", ".join(known),
        )
    )


def _names(kind: Kind, file: str) -> bool:
    """Whether a file is named: `orders`, `orders.csv`, `pedidos` or `pedidos.csv`."""
    return file.casefold().removesuffix(".csv") in {name.removesuffix(".csv") for name in FILES[kind]}

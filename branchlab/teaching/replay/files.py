"""Reads the three files of a history from a directory, and writes an empty history to fill in."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from branchlab.errors import LabError
from branchlab.language import _
from branchlab.teaching.replay.meaning.columns import FILES, Kind, is_known
from branchlab.teaching.replay.meaning.understanding import Understood, Wanted, understand
from branchlab.teaching.replay.reading.table import Table, read_table

_TEMPLATE: Mapping[Kind, str] = {
    "products": "sku,name,price\nCAFE-500,Café 500 g,18.90\nCHA-20,Chá-mate 20 un.,7.50\n",
    "customers": "code,name,contact,email,phone,city,country\n"
    "PADARIA-SOL,Padaria do Sol,Ana Lima,ana@padariasol.example,+55 81 5555-0100,Recife,Brasil\n",
    "orders": "order,date,branch,customer,sku,quantity,unit_price\n"
    "1001,2026-03-02,Matriz,PADARIA-SOL,CAFE-500,12,18.90\n"
    "1001,2026-03-02,Matriz,PADARIA-SOL,CHA-20,6,7.50\n"
    "1002,2026-03-03,Filial Sul,PADARIA-SOL,CAFE-500,4,18.90\n",
}
_PORTUGUESE: Mapping[Kind, str] = {
    "products": "sku;nome;preco\nCAFE-500;Café 500 g;18,90\nCHA-20;Chá-mate 20 un.;7,50\n",
    "customers": "codigo;nome;contato;email;telefone;cidade;pais\n"
    "PADARIA-SOL;Padaria do Sol;Ana Lima;ana@padariasol.example;+55 81 5555-0100;Recife;Brasil\n",
    "orders": "pedido;data;filial;cliente;sku;quantidade;preco_unitario\n"
    "1001;02/03/2026;Matriz;PADARIA-SOL;CAFE-500;12;18,90\n"
    "1001;02/03/2026;Matriz;PADARIA-SOL;CHA-20;6;7,50\n"
    "1002;13/03/2026;Filial Sul;PADARIA-SOL;CAFE-500;4;18,90\n",
}


def load(directory: Path, wanted: Wanted | None = None) -> Understood:
    """What the files in `directory` say. LabError where one is not there or cannot be read at all."""
    if not directory.is_dir():
        raise LabError(_("{directory} is no directory; {needs}", directory=directory, needs=_needs()))
    chosen = wanted or Wanted()
    tables: dict[Kind, Table] = {}
    for kind in FILES:
        path = _find(directory, kind)
        known = partial(is_known, kind, chosen.told)
        tables[kind] = read_table(path.name, _bytes(path), is_known=known, encoding=chosen.encoding)
    return understand(tables, chosen)


def write_template(directory: Path, *, portuguese: bool) -> list[Path]:
    """Writes a small history in the form that `load` reads; the paths of its files. LabError where one is
    there already: nothing is overwritten."""
    texts = _PORTUGUESE if portuguese else _TEMPLATE
    paths = {kind: directory / FILES[kind][portuguese] for kind in FILES}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for kind, path in paths.items():
            # With a mark, since Excel reads no UTF-8 without one.
            with path.open("x", encoding="utf-8-sig", newline="") as file:
                file.write(texts[kind])
    except FileExistsError as error:
        raise LabError(
            _("{filename} is there already; name an empty directory", filename=error.filename)
        ) from None
    except OSError as error:
        raise LabError(
            _("cannot write to {directory}: {strerror}", directory=directory, strerror=error.strerror)
        ) from None
    return list(paths.values())


def _find(directory: Path, kind: Kind) -> Path:
    """The one file of a kind, by its name in either language and any case."""
    names = FILES[kind]
    try:
        found = sorted(path for path in directory.iterdir() if path.name.casefold() in names)
    except OSError as error:
        raise LabError(
            _("cannot read {directory}: {strerror}", directory=directory, strerror=error.strerror)
        ) from None
    if len(found) > 1:
        both = _(" and ").join(path.name for path in found)
        raise LabError(_("{directory} holds {both}; leave one of them", directory=directory, both=both))
    if not found:
        raise LabError(
            _(
                "there is no {directory} ({names}); {needs}",
                directory=directory / names[0],
                names=names[1],
                needs=_needs(),
            )
        )
    return found[0]


def _needs() -> str:
    files = ", ".join(f"{english} ({portuguese})" for english, portuguese in FILES.values())
    return _("a history needs {files}; `./lab replay --template DIR` writes examples", files=files)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LabError(_("cannot read {path}: {strerror}", path=path, strerror=error.strerror)) from None

"""An order history in the form in which shops publish theirs, made from a seed: Portuguese headings, cp1252,
semicolons, decimal commas, CRLF, columns that mean nothing here, and one order's lines at different times."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

PRODUCTS, CUSTOMERS = 120, 200
BRANCHES = ("São Paulo", "Recife", "Belém", "SÃO PAULO")  # the first one in two spellings
_FIRST = datetime(2026, 1, 5, 8, 0)  # noqa: DTZ001  (the shop's own time)
_KINDS = ("Açúcar", "Café", "Feijão", "Pão de queijo", "Maçã", "Óleo de soja")
_SELLERS = ("José", "Conceição", "Tânia", "Ângelo")


def write_history(directory: Path, *, orders: int, seed: int) -> None:
    """The files of a history of so many orders. The same seed gives the same bytes."""
    random = Random(seed)
    prices = {f"PR-{number:04d}": random.randrange(90, 250_000) for number in range(PRODUCTS)}
    codes = [f"Cli-{number:03d}" for number in range(CUSTOMERS)]
    directory.mkdir()
    _write(
        directory / "produtos.csv",
        ("Código de barras", "SKU", "Nome", "Preço"),
        (
            (
                str(7_890_000_000_000 + number),
                sku,
                f"{_KINDS[number % len(_KINDS)]} nº {number}",
                _amount(cents),
            )
            for number, (sku, cents) in enumerate(prices.items())
        ),
    )
    _write(
        directory / "clientes.csv",
        ("Código", "Nome", "Cidade", "Observação"),
        ((code, f"Padaria São João {code}", "Maceió", "cliente desde 1998; paga à vista") for code in codes),
    )
    _write(
        directory / "pedidos.csv",
        ("Pedido", "Data", "Filial", "Vendedor", "Cliente", "SKU", "Quantidade", "Preço unitário"),
        (row for number in range(orders) for row in _order(random, number, codes, prices)),
    )


def _order(random: Random, number: int, codes: Sequence[str], prices: dict[str, int]) -> list[Sequence[str]]:
    at = _FIRST + timedelta(minutes=7 * number)
    branch, seller, code = random.choice(BRANCHES), random.choice(_SELLERS), random.choice(codes)
    spelled = random.choice((code, code.upper(), code.lower()))
    skus = random.sample(sorted(prices), random.choice((1, 1, 2, 2, 3, 5)))
    return [
        (
            f"Nº {number + 1}/2026",
            f"{at + timedelta(seconds=20 * line):%d/%m/%Y %H:%M:%S}",
            branch,
            seller,
            spelled,
            random.choice((sku, sku.lower())),
            str(random.choice((1, 2, 3, 6, 12))),
            _amount(prices[sku]),
        )
        for line, sku in enumerate(skus)
    ]


def _amount(cents: int) -> str:
    """As Brazilians write it: 1.234,50."""
    return f"{cents / 100:,.2f}".translate(str.maketrans(",.", ".,"))


def _write(path: Path, heading: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = (";".join(f'"{value}"' if ";" in value else value for value in row) for row in (heading, *rows))
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode("cp1252"))

"""Histories as shops publish them, through three real nodes by the command line."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from branchlab.cli import app
from tests.cluster.cluster import Cluster
from tests.cluster.public_history import BRANCHES, CUSTOMERS, PRODUCTS, write_history

pytestmark = pytest.mark.cluster


def replay(cluster: Cluster, history: Path, *options: str) -> Result:
    where = ["--run-dir", str(cluster.run_dir), "--env-file", str(cluster.env_file)]
    return CliRunner().invoke(app, ["replay", str(history), *where, *options])


@pytest.mark.parametrize("orders", [60, pytest.param(5_000, marks=pytest.mark.long)])
def test_a_history_in_public_form_plays_whole(cluster: Cluster, tmp_path: Path, orders: int) -> None:
    write_history(tmp_path / "history", orders=orders, seed=1808)

    result = replay(cluster, tmp_path / "history", "--expect-all", "--clients", "12")

    print("\n".join(result.stdout.splitlines()[-12:]))  # noqa: T201  (what `make show-f-3` is asked to show)
    assert result.exit_code == 0, result.output
    assert "pedidos.csv: dates are day/month/year" in result.stdout
    assert "not UTF-8, read as cp1252" in result.stdout
    assert "ignored columns: Código de barras" in result.stdout
    assert f"created {PRODUCTS} products and {CUSTOMERS} customers" in result.stdout
    assert result.stdout.count("plays at") == len({branch.casefold() for branch in BRANCHES})
    assert (
        f"VERDICT PASS: {orders} acknowledged, 0 lost, 0 duplicated, 0 oversold, converged" in result.stdout
    )
    assert result.stdout.splitlines()[-1] == "REPLAY PASS · promises PASS"


def test_what_is_skipped_is_written_down_and_the_rest_passes(cluster: Cluster, tmp_path: Path) -> None:
    history = tmp_path / "history"
    write_history(history, orders=30, seed=1808)
    text = (history / "pedidos.csv").read_bytes().decode("cp1252")
    spoilt = [
        line.replace("Cli-", "Nobody-").replace("CLI-", "Nobody-").replace("cli-", "Nobody-")
        if line.startswith("Nº 7/2026;")
        else line
        for line in text.split("\r\n")
    ]
    (history / "pedidos.csv").write_bytes("\r\n".join(spoilt).encode("cp1252"))

    refused = replay(cluster, history)
    assert (refused.exit_code, "VERDICT" in refused.output) == (1, False)  # LabError: `main` makes it exit 2

    result = replay(cluster, history, "--skip-bad")
    assert result.exit_code == 0, result.output
    assert "orders of the files that were rejected and not played: 1" in result.stdout
    assert "VERDICT PASS: 29 acknowledged" in result.stdout
    with (history / "rejected.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["reason"] for row in rows} == {"is not in clientes.csv"}

    expected = replay(cluster, history, "--skip-bad", "--expect-all")
    assert expected.exit_code == 1
    assert "1 of the orders were rejected before they were sent" in expected.stdout


def test_an_order_of_a_thousand_lines_is_sold_and_stored_everywhere(cluster: Cluster, tmp_path: Path) -> None:
    history = tmp_path / "history"
    history.mkdir()
    files = {
        "products.csv": ["sku,name,price", *(f"P-{number},Product {number},1.00" for number in range(40))],
        "customers.csv": ["code,name", "ANA,Ana"],
        "orders.csv": [
            "order,date,branch,customer,sku,quantity,unit_price",
            *(f"Pedido 1,2026-01-02,Norte,ANA,P-{number % 40},1,1.00" for number in range(1_000)),
        ],
    }
    for name, lines in files.items():
        (history / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    result = replay(cluster, history, "--expect-all")

    assert result.exit_code == 0, result.output
    assert "VERDICT PASS: 1 acknowledged, 0 lost, 0 duplicated, 0 oversold, converged" in result.stdout
    assert "units left: matriz 0, filial-norte 0, filial-sul 0" in result.stdout

"""A small history through three real nodes, by the command line, once and once more."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from branchlab.checking.evidence import collect
from branchlab.checking.runlog import read_records
from branchlab.cli import app
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster

BRANCHES = ("Norte", "Norte", "Sul", "Leste")  # uneven, and one more branch than nodes
ORDERS = 60
SKUS = ("CAFE", "CHA", "MATE")


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """60 orders of 1 to 3 units of two products each; the file's price of MATE is not the catalogue's."""
    directory = tmp_path / "history"
    directory.mkdir()
    lines = ["order,date,branch,customer,sku,quantity,unit_price"]
    for number in range(ORDERS):
        branch = BRANCHES[number % len(BRANCHES)]
        for line in range(2):
            sku = SKUS[(number + line) % len(SKUS)]
            lines.append(f"{number},2026-01-02,{branch},ANA,{sku},{1 + (number + line) % 3},9.90")
    files = {
        "products.csv": ["sku,name,price", "CAFE,Café,9.90", "CHA,Chá,9.90", "MATE,Mate,12.00"],
        "customers.csv": ["code,name,city", "ANA,Ana Lima,Recife"],
        "orders.csv": lines,
    }
    for name, content in files.items():
        (directory / name).write_text("\n".join(content) + "\n", encoding="utf-8")
    return directory


def replay(cluster: Cluster, history: Path, *options: str) -> Result:
    where = ["--run-dir", str(cluster.run_dir), "--env-file", str(cluster.env_file)]
    return CliRunner().invoke(app, ["replay", str(history), *where, *options])


def test_every_order_finds_its_units_and_nothing_is_left(cluster: Cluster, history: Path) -> None:
    counts_file = cluster.run_dir / "counts.json"

    result = replay(cluster, history, "--expect-all", "--json", str(counts_file))

    assert result.exit_code == 0, result.output
    assert "branch Norte (30 orders) plays at matriz" in result.output
    assert "VERDICT PASS: 60 acknowledged, 0 lost, 0 duplicated, 0 oversold, converged" in result.output
    counts: dict[str, Any] = json.loads(counts_file.read_text(encoding="utf-8"))
    assert counts == {
        "orders": ORDERS,
        "rejected": 0,
        "accepted": ORDERS,
        "accepted_first_try": counts["accepted_first_try"],
        "refused": 0,
        "unknown": 0,
        "retries": counts["retries"],
        "repriced": ORDERS * 2 // 3,  # every third line is MATE
        "lost": 0,
        "duplicated": 0,
        "oversold": 0,
        "converged": True,
        "seconds": counts["seconds"],
    }
    final = collect(read_records(cluster.run_dir / "run.jsonl")).final
    available = {
        (node, sku): product["available"]
        for node, read in final.items()
        for sku, product in read.stock.items()
    }
    assert len(available) == len(SKUS) * len(cluster.network.names)
    assert set(available.values()) == {0}


def test_a_second_replay_keeps_the_catalogue_and_plays_all_again(cluster: Cluster, history: Path) -> None:
    replay(cluster, history)

    result = replay(cluster, history, "--expect-all", "--map", "Norte=filial-sul", "--clients", "3")

    assert result.exit_code == 0, result.output
    assert "kept 3 products and 1 customers that were there" in result.output
    assert "branch Norte (30 orders) plays at filial-sul" in result.output
    assert "VERDICT PASS: 60 acknowledged" in result.output


def test_what_cannot_be_sold_is_refused_and_told_with_its_reason(cluster: Cluster, history: Path) -> None:
    result = replay(cluster, history, "--stock", "times:0.5", "--expect-all", "--concurrency", "60")

    assert result.exit_code == 1, result.output
    assert "409 out_of_stock" in result.output
    assert "VERDICT PASS" in result.output
    assert "0 oversold, converged" in result.output

"""`./lab replay` says what it read and what is wrong, before it asks for a network."""

from pathlib import Path

import pytest

from branchlab.tests.program import at_place, exit_code
from branchlab.tests.replay_files import ORDERS, PORTUGUESE_ORDERS, write


@pytest.fixture
def where(tmp_path: Path) -> list[str]:
    return at_place(tmp_path)


def lab(*arguments: str) -> int:
    return exit_code("replay", *arguments)


def write_in(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "history").mkdir()
    return write(tmp_path / "history", **files)


def test_faults_are_listed_and_nothing_is_asked_of_a_network(
    tmp_path: Path, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    directory = write_in(tmp_path, orders=ORDERS.replace("CAFE,12", "CAFE,0").replace("Sul,BIA", "Sul,EVA"))

    assert lab(str(directory), *where) == 2

    shown = capsys.readouterr()
    assert "orders.csv: 4 lines; utf-8; separator ," in shown.out
    assert "orders.csv line 2, column quantity, '0': is no whole number from 1 to 1000000" in shown.out
    assert "orders.csv line 4, column customer, 'EVA': is not in customers.csv" in shown.out
    assert shown.err == (
        "lab: 2 faults in 1 of 3 files; nothing was sent. Mend the files, or play the rest with --skip-bad\n"
    )
    assert not (tmp_path / "run").exists()
    assert not (directory / "rejected.csv").exists()


def test_what_is_skipped_is_written_down_before_the_rest_is_played(
    tmp_path: Path, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    directory = write_in(tmp_path, orders=ORDERS.replace("CHA,1", "CHA,0"))

    assert lab(str(directory), "--skip-bad", *where) == 2  # as there is no network

    shown = capsys.readouterr()
    rejected = directory / "rejected.csv"
    assert f"1 fault in 1 of 3 files; orders left out: 1, played: 2; {rejected} has every reason" in shown.out
    assert rejected.read_text(encoding="utf-8").splitlines()[1:] == [
        'orders.csv,3,quantity,0,is no whole number from 1 to 1000000,"1,2026-01-02,Norte,ANA,CHA,0,9.00"',
        'orders.csv,2,,,order 1 is left out: line 3 has a fault,"1,2026-01-02,Norte,ANA,CAFE,12,18.00"',
    ]


def test_another_place_for_what_is_skipped_may_be_named(tmp_path: Path, where: list[str]) -> None:
    directory = write_in(tmp_path, orders=ORDERS.replace("CHA,1", "CHA,0"))

    lab(str(directory), "--skip-bad", "--rejected", str(tmp_path / "bad.csv"), *where)

    assert (tmp_path / "bad.csv").exists()
    assert not (directory / "rejected.csv").exists()


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        (ORDERS.replace("unit_price", "cost"), "a file cannot be read by its heading, so nothing was sent"),
        (ORDERS.replace(",18.00", ",x").replace(",9.00", ",x"), "no order is left to play"),
    ],
)
def test_where_nothing_can_be_played_skipping_does_not_help(
    tmp_path: Path, where: list[str], capsys: pytest.CaptureFixture[str], orders: str, words: str
) -> None:
    directory = write_in(tmp_path, orders=orders)

    assert lab(str(directory), "--skip-bad", *where) == 2
    assert words in capsys.readouterr().err
    assert not (directory / "rejected.csv").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--date-format", "%Q"], "--date-format wants a form such as '%d/%m/%Y %H:%M', not '%Q'"),
        (["--decimal", "dot"], "--decimal wants point or comma, not 'dot'"),
        (["--encoding", "klingon"], "--encoding: Python reads no text in 'klingon'"),
        (["--encoding", "rot13"], "--encoding: Python reads no text in 'rot13'"),
        (["--map-columns", "sku"], "--map-columns wants COLUMN=HEADING"),
        (["--map", "Norte"], "--map wants branch=node"),
        (["--template", "x"], "--template DIR writes examples and plays nothing"),
    ],
)
def test_a_mistake_is_one_plain_line(
    tmp_path: Path, where: list[str], capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert lab(str(write_in(tmp_path)), *options, *where) == 2
    assert words in capsys.readouterr().err


def test_without_a_directory_the_way_to_begin_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert lab() == 2
    assert "./lab replay --template DIR" in capsys.readouterr().err


@pytest.mark.parametrize(("language", "name"), [("pt-BR", "pedidos.csv"), ("en", "orders.csv")])
def test_a_template_is_written_in_either_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, name: str
) -> None:
    assert lab("--template", str(tmp_path / "new"), "--lang", language) == 0
    assert (tmp_path / "new" / name).exists()
    assert f"/lab replay {tmp_path / 'new'}" in capsys.readouterr().out


def test_another_language_for_the_template_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("--template", str(tmp_path / "new"), "--lang", "fr") == 2
    assert "there is no language 'fr' here" in capsys.readouterr().err


def test_columns_with_other_names_are_mapped_from_the_command_line(
    tmp_path: Path, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    directory = write_in(tmp_path, orders=PORTUGUESE_ORDERS.replace("Pedido;", "NF;"))

    lab(str(directory), "--map-columns", "pedido=NF", *where)

    assert "fault" not in (shown := capsys.readouterr()).out
    assert "there is no network" in shown.err or "no network" in shown.err


def test_the_help_documents_the_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert lab("--help") == 0
    shown = capsys.readouterr().out
    for words in (
        "order, date, branch, customer, sku, quantity, unit_price",
        "preco_unitario",
        "docs/import.md",
    ):
        assert words in shown

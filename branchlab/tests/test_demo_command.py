"""What `./lab demo` and `./lab demo-data` refuse, before they touch any network."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from branchlab.cli import app
from branchlab.teaching.replay import files
from branchlab.tests.program import at_place, exit_code


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--lang", "fr"), "lab: there is no language 'fr' here; the languages are pt-BR, en\n"),
        (("--fault", "flood"), "lab: there is no fault 'flood' for a node; the faults are pause, stop\n"),
        (("--driver", "kubernetes"), "lab: there is no driver 'kubernetes'; the drivers are"),
    ],
)
def test_a_mistake_is_one_plain_line_and_starts_nothing(
    options: tuple[str, str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("demo", *at_place(tmp_path), *options) == 2
    assert capsys.readouterr().err.startswith(line)
    assert list(tmp_path.iterdir()) == []


def test_the_history_is_written_for_other_tools(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["demo-data", str(tmp_path), "--orders", "12"])
    assert result.output == f"40 products, 60 customers and 12 orders in {tmp_path}\n"
    assert len(files.load(tmp_path).history.orders) == 12

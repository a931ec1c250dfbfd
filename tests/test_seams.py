"""Tests reach the connection behind a database through one named seam: tests.support.seams."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SEAM = ROOT / "services/node/tests/support/seams.py"
_BEHIND = re.compile(r"database\._(?:file|queue|server)\b|writer\._connection|_connect_writer")


def test_only_the_seam_reaches_behind_a_database() -> None:
    files = [*ROOT.glob("services/node/tests/**/*.py"), *ROOT.glob("tests/**/*.py")]
    reaching = {file for file in files if _BEHIND.search(file.read_text(encoding="utf-8"))}

    assert reaching - {Path(__file__)} == {SEAM}

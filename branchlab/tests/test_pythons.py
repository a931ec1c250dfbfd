"""Which Pythons count, and what is said of those that were tried."""

from pathlib import Path

import pytest

from branchlab.checking.pythons import Python, Tried, closing, exit_code, found, read_answer

PROGRAM = Path("/opt/python3")


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("cpython 3 11 0 -", (3, 11, 0)),
        ("cpython 3 14 2 -", (3, 14, 2)),
        ("cpython 4 0 0 -", (4, 0, 0)),
        ("cpython 3 10 13 -", None),  # too old
        ("cpython 2 7 18 -", None),
        ("cpython 3 13 0 t", None),  # without the lock that packages count on
        ("pypy 3 11 11 -", None),
        ("", None),
    ],
)
def test_every_cpython_from_the_oldest_promised_one_on_counts(
    answer: str, version: tuple[int, int, int] | None
) -> None:
    expected = None if version is None else Python(version, PROGRAM)
    assert read_answer(answer.split(), PROGRAM) == expected


def program(directory: Path, name: str, answer: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    file.chmod(0o755)


def test_they_are_found_in_the_path_and_where_pyenv_and_uv_keep_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One program for each version, whatever else is called like a Python, fails or is too old."""
    path, home = tmp_path / "bin", tmp_path / "home"
    program(path, "python3", "echo cpython 3 13 5 -")
    program(path, "python3.13", "echo cpython 3 13 5 -")
    program(path, "python3.9", "echo cpython 3 9 2 -")
    program(path, "python3.12", "exit 127")  # as pyenv's shims do
    program(path, "python3-config", "echo cpython 3 99 0 -")
    program(home / ".pyenv/versions/3.12.1/bin", "python3", "echo cpython 3 12 1 -")
    program(home / ".local/share/uv/python/cpython-3.14.0/bin", "python3", "echo cpython 3 14 0 -")
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("HOME", str(home))
    assert [one.name for one in found()] == ["3.12.1", "3.13.5", "3.14.0"]


PASSED = Tried("3.12.1", True, "3254 passed")
FAILED = Tried("3.13.0", False, "1 failed")
NOT_RUN = Tried("the image", None, "no Docker daemon answers")


@pytest.mark.parametrize(
    ("tried", "line", "code"),
    [
        ([PASSED], "the fast tests pass on 3.12.1", 0),
        (
            [PASSED, FAILED, NOT_RUN],
            "the fast tests pass on 3.12.1; they fail on 3.13.0; they were not run on the image",
            1,
        ),
        ([PASSED, NOT_RUN], "the fast tests pass on 3.12.1; they were not run on the image", 0),
        ([NOT_RUN], "the fast tests were not run on the image", 2),
        ([], "no such Python was found", 2),
    ],
)
def test_the_last_line_says_what_was_run_and_the_exit_code_agrees(
    tried: list[Tried], line: str, code: int
) -> None:
    assert closing(tried) == line
    assert exit_code(tried) == code

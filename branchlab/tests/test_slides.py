"""The slides as pages: each part one slide, nothing fetched, no HTML of the text's own."""

from pathlib import Path

import pytest

from branchlab.errors import LabError
from branchlab.teaching.report.slides import SOURCES, page_of, slides


def test_each_part_is_a_slide_and_the_first_is_shown() -> None:
    page = page_of("# First\n\n---\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", "en")
    assert page.count("<section") == 2
    assert page.count('<section class="shown">') == 1
    assert "<title>First</title>" in page
    assert "<td>1</td>" in page


def test_html_in_a_slide_is_text() -> None:
    assert "&lt;img" in page_of("# <img src=x>", "en")


def test_a_text_without_a_slide_is_refused() -> None:
    with pytest.raises(LabError):
        page_of("\n---\n\n", "en")


def test_both_languages_have_the_same_slides_and_fetch_nothing(tmp_path: Path) -> None:
    slides(to=tmp_path)
    pages = {
        language: (tmp_path / f"{source.stem}.html").read_text("utf-8")
        for language, source in SOURCES.items()
    }
    counts = {page.count("<section") for page in pages.values()}
    assert len(counts) == 1
    for page in pages.values():
        assert "http" not in page
        assert "src=" not in page

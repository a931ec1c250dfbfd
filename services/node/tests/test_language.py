"""Accept-Language."""

import pytest

from app.api.problems.language import preferred


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("pt-BR", "pt-BR"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("de", "en"),
        ("de, pt;q=0.5", "pt-BR"),
        ("en, pt-BR", "en"),  # the first of equals
        ("pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7", "pt-BR"),  # a Brazilian browser
        ("en;q=0.3, pt;q=0.4", "pt-BR"),
        ("pt;q=0", "en"),  # 0 means "not this one"
        ("*", "en"),
        ("pt;q=2, ;;;,=,", "en"),  # nonsense is passed over
        ("pt;q=nan", "en"),
        ("portuguese", "en"),
    ],
)
def test_the_preferred_language_is_the_one_with_the_highest_quality(header: str, expected: str) -> None:
    assert preferred(header) == expected

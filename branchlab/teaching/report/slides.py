"""`./lab slides`: the slides of docs/classroom as pages that need nothing else."""

import re
from pathlib import Path
from typing import Annotated

import typer
from markdown_it import MarkdownIt
from markupsafe import Markup

from branchlab import settings
from branchlab.checking.runs import shown_path
from branchlab.console import out
from branchlab.errors import LabError
from branchlab.language import Language, _
from branchlab.teaching.report.templates import template

CLASSROOM = settings.ROOT / "docs" / "classroom"
SOURCES: dict[Language, Path] = {
    "pt-BR": CLASSROOM / "slides.pt-BR.md",
    "en": CLASSROOM / "slides.md",
}
DEFAULT_FOLDER = settings.ROOT / "build" / "slides"
_BETWEEN = re.compile(r"^---$", re.MULTILINE)


def slides(
    *, to: Annotated[Path, typer.Option("--out", help="The folder they go to.")] = DEFAULT_FOLDER
) -> None:
    """Write the slides of the lesson as one page for each language: arrows turn them, `d` makes them dark."""
    to.mkdir(parents=True, exist_ok=True)
    for language, source in SOURCES.items():
        page = to / f"{source.stem}.html"
        page.write_text(page_of(source.read_text(encoding="utf-8"), language), encoding="utf-8")
        out.print(shown_path(page), markup=False)


def page_of(text: str, language: Language) -> str:
    """The page of slides that are divided by `---`; raw HTML in them is shown as it is written. LabError for
    a text without a slide."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    parts = [part.strip() for part in _BETWEEN.split(text) if part.strip()]
    if not parts:
        raise LabError(_("there is no slide"))
    title = parts[0].partition("\n")[0].lstrip("# ")
    rendered = [Markup(markdown.render(part)) for part in parts]  # noqa: S704 (it escapes raw HTML)
    return template("slides.html.j2").render(language=language, title=title, slides=rendered)

"""The looks of a page as a whole: theme, size, language and title."""

from nicegui import Client

from branchlab.screens.page.state import PageState


def room_classes(*, is_lesson: bool, has_twins: bool) -> str:
    """The classes of the room; of a page that is at the lesson, and shows several policies side by side."""
    return " ".join(["room", *(["lesson"] * is_lesson), *(["of-twins"] * has_twins)])


def dress(client: Client, state: PageState) -> None:
    """Gives the page what its state says."""
    on = [
        name
        for name, is_on in (("dark", state.theme_name == "dark"), ("projector", state.is_projector))
        if is_on
    ]
    client.run_javascript(
        "document.body.classList.remove('dark', 'projector');"
        f"document.body.classList.add(...{on!r});"
        f"document.documentElement.lang = '{state.language}'; document.title = '{state.word('title')}';"
    )

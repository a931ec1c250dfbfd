"""The dialogs: the keys, the typed confirmation of a wipe, a question to the class."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import segno

from branchlab.screens.page.elements import Picture, Tag, button, typed
from branchlab.screens.page.state import PageState


class Hall(Protocol):
    """The class, as far as a page asks it something."""

    @property
    def url(self) -> str | None:
        """Where phones find its page; None where it has none."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether a question waits for votes."""
        ...

    def ask(self, text: str, choices: list[str]) -> None:
        """Opens the vote on a question."""
        ...

    def close(self) -> None:
        """Ends the vote."""
        ...


def _dialog(title: str) -> Tag:
    with Tag("div", classes="dialog", role="dialog", aria_modal="true", aria_label=title):
        inside = Tag("div", classes="inside")
    with inside:
        Tag("h2", title)
    return inside


def show_help(state: PageState, close: Callable[[], None]) -> None:
    """Every key, and how the charts are to be read."""
    with _dialog(state.word("help_title")):
        with Tag("div", classes="keys"):
            for line in state.word("keys").split(" · "):
                Tag("span", line)
        Tag("p", state.word("colours"))
        button(state.word("close"), close, test="close")


def phones_line(state: PageState, url: str, enlarge: Callable[[], None]) -> None:
    """The audience's address, to be read by a phone's camera; a button makes it large."""
    with Tag("div", classes="qr"):
        Picture(_code(url), role="img", aria_label=state.word("audience", url=url))
        button(state.word("phones"), enlarge, key="x", test="phones")


def show_phones(state: PageState, url: str, close: Callable[[], None]) -> None:
    """The address as large as the last row needs it."""
    with _dialog(state.word("phones")):
        Picture(_code(url), classes="qr large", role="img", aria_label=url)
        Tag("p", state.word("audience", url=url))
        button(state.word("close"), close, test="close")


def _code(url: str) -> str:
    """A QR code as SVG, without a size of its own."""
    return segno.make(url, micro=False).svg_inline(omitsize=True, border=3)


def ask_wipe(state: PageState, wipe: Callable[[str], None], close: Callable[[], None]) -> None:
    """Takes a disk away only where its name is typed."""
    node = state.selected[-1]
    name = ""

    def keep(value: str) -> None:
        nonlocal name
        name = value

    def confirm() -> None:
        if name.strip() == node:
            close()
            wipe(node)

    with _dialog(state.word("wipe_title", node=node)):
        Tag("p", state.word("wipe_text", node=node))
        with Tag("label"):
            Tag("span", state.word("wipe_input"))
            typed(Tag("input", autocomplete="off", data_testid="wipe-name"), keep)
        button(state.word("confirm"), confirm, test="confirm")
        button(state.word("cancel"), close, test="cancel")


def ask_class(state: PageState, ask: Callable[[str, list[str]], None], close: Callable[[], None]) -> None:
    """A question with its answers, one per line."""
    typed_text = {"text": "", "choices": ""}

    def open_vote() -> None:
        choices = [line.strip() for line in typed_text["choices"].splitlines() if line.strip()]
        if typed_text["text"].strip() and len(choices) >= 2:
            close()
            ask(typed_text["text"].strip(), choices)

    with _dialog(state.word("ask_title")):
        for name, tag in (("text", "input"), ("choices", "textarea")):
            with Tag("label"):
                Tag("span", state.word(f"ask_{name}"))
                typed(
                    Tag(tag, data_testid=f"ask-{name}"),
                    partial(typed_text.__setitem__, name),
                )
        button(state.word("ask_open"), open_vote, test="ask-open")
        button(state.word("cancel"), close, test="cancel")

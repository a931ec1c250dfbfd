"""Plain HTML elements for NiceGUI: with native buttons and fields, keyboards and screen readers just work."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement


class Tag(TextElement):
    """Any element with a text. Setting `text` to what it is sends nothing."""

    def __init__(self, tag: str, text: str = "", *, classes: str = "", **attributes: str) -> None:
        super().__init__(tag=tag, text=text)
        self.attributes(**attributes)
        if classes:
            self.classes(classes)

    def attributes(self, **attributes: str | None) -> None:
        """Sets attributes, with `_` for `-`; None removes one. Only changes are sent."""
        changed = False
        for name, value in attributes.items():
            key = name.strip("_").replace("_", "-")
            if value is None:
                changed |= self._props.pop(key, None) is not None
            elif self._props.get(key) != value:
                self._props[key] = value
                changed = True
        if changed:
            self.update()

    def be(self, classes: str) -> None:
        """Has these classes and no others."""
        if self._classes != classes.split():
            self.classes(replace=classes)


class Picture(ui.html):
    """HTML of our own making, sent again only when it changed."""

    def __init__(self, content: str = "", *, classes: str = "", **attributes: str) -> None:
        super().__init__(content, sanitize=False)
        if classes:
            self.classes(classes)
        for name, value in attributes.items():
            self._props[name.strip("_").replace("_", "-")] = value

    def show(self, content: str) -> None:
        if self.content != content:
            self.set_content(content)


def button(
    text: str, act: Callable[[], Any], *, key: str = "", classes: str = "", test: str = "", **attributes: str
) -> Tag:
    """A button, with the key that does the same."""
    made = Tag("button", "" if key else text, classes=classes, type="button", **attributes)
    if test:
        made.attributes(data_testid=test)
    if key:
        with made:
            Picture(f"{escape(text)}<kbd>{escape(key)}</kbd>")
    made.on("click", lambda _event: act())
    return made


def field(label: str, **attributes: str) -> Tag:
    """An input with its label before it; `value` of the returned element follows what is typed."""
    with Element("label"):
        Tag("span", label)
        return Tag("input", **attributes)


def choice(
    label: str, options: Mapping[str, str], chosen: str, act: Callable[[str], Any], *, test: str = ""
) -> Tag:
    """A select with its label before it."""
    with Element("label"):
        Tag("span", label)
        made = Tag("select", data_testid=test)
        with made:
            for value, text in options.items():
                Tag("option", text, value=value, **({"selected": "selected"} if value == chosen else {}))
    made.on("change", lambda event: act(str(event.args)), js_handler="(event) => emit(event.target.value)")
    return made


def typed(element: Tag, act: Callable[[str], Any]) -> None:
    """Calls `act` with what stands in a field, whenever it changes."""
    element.on("input", lambda event: act(str(event.args)), js_handler="(event) => emit(event.target.value)")


def items(lines: Sequence[tuple[str, str]]) -> str:
    """A list of moments and texts."""
    return "".join(f"<li><time>{escape(at)}</time>{escape(text)}</li>" for at, text in lines)

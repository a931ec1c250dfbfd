"""Terminals that cannot show every character: the lab writes the nearest plain sign instead of ending."""

import codecs
import io
import os
import sys
import unicodedata
from collections.abc import Mapping

_HANDLER = "lab-nearest-sign"
# One column each where a chart or a table needs it.
_SIGNS: Mapping[str, str] = {
    **dict.fromkeys("…", "..."),
    **dict.fromkeys("–—‐‑−─━", "-"),
    **dict.fromkeys("·│┃╎┆", "|"),
    **dict.fromkeys("•●⠿", "*"),
    **dict.fromkeys("→▶►", ">"),
    **dict.fromkeys("←◀◄", "<"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”«»", '"'),
    **dict.fromkeys("▁▂▃", "."),
    **dict.fromkeys("▄▅▆", "o"),
    **dict.fromkeys("▇█", "#"),
    **dict.fromkeys("▒░▓", "%"),
    **dict.fromkeys("╱", "/"),
    **dict.fromkeys("×", "x"),
    **dict.fromkeys("±", "~"),
    **dict.fromkeys("≤", "<"),
    **dict.fromkeys("≥", ">"),
    **dict.fromkeys("✓✔", "v"),
}
_UNKNOWN = "?"
_BOXES = range(0x2500, 0x2580)
_SPINNERS = range(0x2800, 0x2900)  # the dots of rich


def nearest(character: str) -> str:
    """The plain ASCII that comes nearest to a character, `?` where nothing does."""
    if (sign := _SIGNS.get(character)) is not None:
        return sign
    if ord(character) in _BOXES:
        return "+"
    if ord(character) in _SPINNERS:
        return "*"
    base = [part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part)]
    plain = "".join(base)
    return plain if plain.isascii() and plain else _UNKNOWN


def write_what_it_can() -> None:
    """From now on no character ends the program: output gets the nearest sign, and input that is unreadable a
    mark."""
    codecs.register_error(_HANDLER, _replace)
    for stream, errors in ((sys.stdout, _HANDLER), (sys.stderr, _HANDLER), (sys.stdin, "replace")):
        if isinstance(stream, io.TextIOWrapper):  # not what somebody else put there
            stream.reconfigure(errors=errors)


def let_programs_write_what_they_can() -> None:
    """Let no character end the Python programs that this one starts: they write `?` for it. A choice of the
    user stays."""
    os.environ.setdefault("PYTHONIOENCODING", ":replace")


def is_plain(stream: object = None) -> bool:
    """Whether standard output, or the stream, lacks some of what the lab writes."""
    encoding = getattr(sys.stdout if stream is None else stream, "encoding", None) or "utf-8"
    return not codecs.lookup(encoding).name.startswith("utf")


def _replace(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError), "only output is written with this handler"
    return "".join(map(nearest, error.object[error.start : error.end])), error.end

"""Which characters the bytes of a file are."""

import codecs
from dataclasses import dataclass

from charset_normalizer import from_bytes

from branchlab.language import _

# The longer ones first: UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What a table in a western language is where it is not UTF-8. Among more encodings charset-normalizer would
# often choose a wrong one: a few accented letters are too little to tell forty apart.
_WESTERN = ["cp1252", "latin_1"]
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of today (a zip file), and as Excel wrote them before
_LOOKED_AT = 4096  # bytes, for UTF-16 without a mark


class Undecodable(Exception):
    """The bytes are not text of the encoding; the message says why."""


@dataclass(frozen=True)
class Decoded:
    """The text of a file, without a byte order mark. `guessed` says that its bytes do not prove the
    encoding. Bytes that are no UTF-8 in a file that otherwise is become lone surrogates, which no node
    takes."""

    text: str
    encoding: str
    guessed: bool = False


def decode(data: bytes, encoding: str | None = None) -> Decoded:
    """The text of a file, in the named encoding or in the one that fits. Raises Undecodable."""
    if data.startswith(_SPREADSHEETS):
        raise Undecodable(_("is a spreadsheet, and no text; save it as CSV"))
    for mark, marked in _MARKS:
        if data.startswith(mark) and (encoding is None or _same(encoding, marked)):
            return Decoded(_strict(data[len(mark) :], marked), marked)
    if encoding is not None:
        return Decoded(_strict(data, encoding), codecs.lookup(encoding).name)
    wide = _utf16_without_mark(data)
    if wide is not None:
        return Decoded(_strict(data, wide), wide)
    text = data.decode("utf-8", errors="surrogateescape")
    if text.isascii() or _is_mostly_utf8(text):
        return Decoded(text, "utf-8")
    found = from_bytes(data, cp_isolation=_WESTERN).best()
    name = found.encoding if found is not None else _WESTERN[0]
    return Decoded(_strict(data, name), codecs.lookup(name).name, guessed=True)


def is_encoding(name: str) -> bool:
    """Whether Python reads text in an encoding of this name."""
    try:
        "a".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def _same(name: str, marked: str) -> bool:
    """Whether a named encoding is the one of the mark; `utf-16` and `utf-8-sig` leave the rest to it."""
    wanted = codecs.lookup(name).name.removesuffix("-sig")
    return wanted == marked or marked.startswith(f"{wanted}-")


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise Undecodable(
            _(
                "is not {encoding} (byte 0x{byte:02X} about line {line}); use --encoding",
                encoding=encoding,
                byte=byte,
                line=line,
            )
        ) from None


def _utf16_without_mark(data: bytes) -> str | None:
    """In UTF-16 every second byte of a western text is 0, and no text in another encoding has many of
    them."""
    start = data[:_LOOKED_AT]
    if len(start) < 2 or start.count(0) * 4 < len(start):
        return None
    return "utf-16-le" if start[1::2].count(0) > start[0::2].count(0) else "utf-16-be"


def _is_mostly_utf8(text: str) -> bool:
    """Whether more characters beyond ASCII are UTF-8 than bytes are not."""
    broken = sum("\udc80" <= character <= "\udcff" for character in text)
    return not broken or sum(character > "\x7f" for character in text) > 2 * broken

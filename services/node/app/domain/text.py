"""What a text must be before any node stores it. Pure: the API and the replication check by the same rule."""

import unicodedata

# Longest texts, in characters.
KEY = 64  # sku, customer code, username
NAME = 200
CONTACT = 200
EMAIL = 254  # RFC 5321's longest path, less its brackets
PHONE = 40
PLACE = 100  # city, country
REASON = 200
NOTE = 1000
IDEMPOTENCY_KEY = 200


def fault(text: str, *, longest: int) -> str | None:
    """Why `text` must not be stored, as a stable snake_case word, or None if it may be.

    Control characters (NUL among them) break terminals and CSV files; a lone surrogate is no character at
    all and cannot be written as UTF-8.
    """
    if not text or text != text.strip():
        return "blank" if not text.strip() else "outer_whitespace"
    if len(text) > longest:
        return "too_long"
    if text.isprintable():
        return None  # most texts: every character below is an unprintable one
    for character in text:
        category = unicodedata.category(character)
        if category == "Cc":
            return "control_character"
        if category == "Cs":
            return "lone_surrogate"
    return None

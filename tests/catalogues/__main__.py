"""`python -m tests.catalogues`: brings the catalogue's keys up to date with the code, and says what lacks."""

import sys

from tests.catalogues.extraction import kept, texts_of, update

update()
lacking = sum(not all(texts_of(message)) for message in kept() if message.id)
sys.stdout.write(f"{lacking} texts have no translation yet\n")

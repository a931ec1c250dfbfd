"""What the container says, in the language of LAB_LANG. It has the standard library only, so no catalogue."""

import os
from collections.abc import Mapping

TEXTS: Mapping[str, tuple[str, str]] = {
    "fault": ("{kind} {node} for {seconds:.1f} s", "{kind} {node} por {seconds:.1f} s"),
    "back": ("{node} is back", "{node} voltou"),
    "healed": ("healed; faults made: {count}", "tudo curado; falhas feitas: {count}"),
    "not_healthy": (
        "not healthy after {seconds:.0f} s: {nodes}",
        "sem saúde depois de {seconds:.0f} s: {nodes}",
    ),
    "no_node": ("no node at all", "nenhum nó"),
    "no_answer": (
        "the Docker socket {path} does not answer: {error}",
        "o socket do Docker {path} não responde: {error}",
    ),
    "pause": ("pause", "pausa"),
    "stop": ("stop", "parada"),
}
"""NAME → the text in English and in Portuguese."""


def said(name: str, **facts: object) -> str:
    """The text of that name; Portuguese where LAB_LANG begins with `pt`."""
    english, portuguese = TEXTS[name]
    text = portuguese if os.environ.get("LAB_LANG", "").lower().startswith("pt") else english
    return text.format(**facts)

"""What the command line says of what was typed wrongly, in the language spoken. Typer has it in English."""

import re
from collections.abc import Sequence

from branchlab.language import N_, _

_MISTAKES: Sequence[tuple[str, str]] = (
    (
        r"No such command (?P<name>'.*?')\. Did you mean (?P<others>.*)\?",
        N_("No such command {name}. Did you mean {others}?"),
    ),
    (r"No such command (?P<name>'.*?')\.", N_("No such command {name}.")),
    (
        r"No such option: (?P<name>\S+) \(Possible options: (?P<others>.*)\)",
        N_("No such option: {name} (Possible options: {others})"),
    ),
    (r"No such option: (?P<name>\S+)", N_("No such option: {name}")),
    (r"Missing command\.", N_("Missing command.")),
    (r"Missing argument (?P<name>'.*?')\.", N_("Missing argument {name}.")),
    (r"Missing option (?P<name>'.*?')\.", N_("Missing option {name}.")),
    (
        r"Got unexpected extra argument\(s\) \((?P<given>.*)\)",
        N_("Got unexpected extra argument(s) ({given})"),
    ),
    (r"Option (?P<name>'.*?') requires an argument\.", N_("Option {name} requires an argument.")),
    (r"Option (?P<name>'.*?') does not take a value\.", N_("Option {name} does not take a value.")),
    (r"Invalid value for (?P<name>'.*?'): (?P<why>.*)", N_("Invalid value for {name}: {why}")),
    (r"Input should be a valid integer.*", N_("Input should be a valid integer")),
    (r"Input should be a valid number.*", N_("Input should be a valid number")),
    (
        r"Input should be greater than or equal to (?P<least>.*)",
        N_("Input should be greater than or equal to {least}"),
    ),
    (
        r"Input should be less than or equal to (?P<most>.*)",
        N_("Input should be less than or equal to {most}"),
    ),
)
"""How Typer says something → the key of the same in the catalogue."""


def mistake(said: str) -> str:
    """What Typer said of a command, in the language spoken; unchanged where it is not a known mistake."""
    for pattern, key in _MISTAKES:
        if match := re.fullmatch(pattern, said, re.DOTALL):
            told = {
                name: mistake(value) if name == "why" else value for name, value in match.groupdict().items()
            }
            translated = _(key, **told)
            return said if translated == key.format_map(told) else translated
    return said

"""What is in no catalogue, and why. A text is named by words that are in it."""

from collections.abc import Mapping

_FILE = "a line of a file that programs read, too"
_READS = "looked for in what another program prints"
_DEVELOPER = "what cannot happen, for developers"
_NAME = "the name of something that is created in the nodes, and that the run log has"
_DATA = "data, which are Brazilian in both languages"
_PAIRS = "texts in both languages side by side, which a test compares"
_LOG = "what a run log says in English, and `LessonWords.expected` in either language"
_STYLE = "a style of rich"
_COMMAND = "a command, to be typed as it is"

EXEMPT: Mapping[str, Mapping[str, str]] = {
    "branchlab/chaos/__main__.py": {"chaos: {}": "the name of the program before what is wrong"},
    "branchlab/chaos/words.py": {"": _PAIRS},
    "branchlab/cli.py": {"lab: {}": "the name of the program before what is wrong"},
    "branchlab/checking/checker/monotone.py": {
        "the head of ": "the beginning of a name, as text of the code"
    },
    "branchlab/checking/pythons.py": {
        "not whole and not long": "an option of pytest",
        "import sys; print": "a program",
        "mkdir /lab": "a program",
    },
    "branchlab/language.py": {"{} min": "a sign of units"},
    "branchlab/usage.py": {"(?P<": _READS, "Missing command": _READS, "Input should be a valid": _READS},
    "branchlab/faults/kinds.py": {"the lab": _READS},
    "branchlab/nodes/client.py": {"Bearer {}": "a header of HTTP"},
    "branchlab/networks/drivers/compose_files.py": {"# Made by `./lab up`": _FILE},
    "branchlab/networks/drivers/compose_home.py": {"branchlab {}{}": "what a host's id is made of"},
    "branchlab/networks/drivers/readiness.py": {"HTTP {}": "a status by its number"},
    "branchlab/networks/drivers/told.py": {
        "Installing collected packages": _READS,
        "Pulling fs layer": _READS,
        "Pull complete": _READS,
    },
    "branchlab/networks/interrupted.py": {"make {}": _COMMAND},
    "branchlab/networks/tables.py": {"not bold": _STYLE},
    "branchlab/networks/words.py": {"not known": _READS},
    "branchlab/screens/gate.py": {"": "headers of HTTP"},
    "branchlab/screens/live/hands.py": {
        "control room": _NAME,
        "Sala de aula": _NAME,
        "Café da sala": _NAME,
    },
    "branchlab/screens/page/charts.py": {"const s = ": "a program"},
    "branchlab/screens/page/labels.py": {"px Roboto": "a font"},
    "branchlab/screens/page/looks.py": {"document.body": "a program"},
    "branchlab/screens/serving.py": {"a page could not": _DEVELOPER},
    "branchlab/teaching/lesson/judge.py": {
        "about {}": _LOG,
        "at least": _LOG,
        "at most": _LOG,
    },
    "branchlab/teaching/ladder/checks.py": {
        "Café torrado": _NAME,
        "Padaria do Sol": _NAME,
        "Not theirs": _NAME,
        "not the right one": "a password",
        "POST /orders at once": "the name of a check",
    },
    "branchlab/teaching/ladder/visit.py": {"Bearer {}": "a header of HTTP", "correct horse": "a password"},
    "branchlab/teaching/lesson/knocking.py": {"Bearer {}": "a header of HTTP"},
    "branchlab/teaching/report/command.py": {"({} kB)": "a sign of units"},
    "branchlab/teaching/demo/assortment.py": {"": _DATA},
    "branchlab/teaching/demo/chart.py": {"bold yellow": _STYLE},
    "branchlab/teaching/demo/generator.py": {"random() is below 1": _DEVELOPER},
    "branchlab/teaching/load/report.py": {"no percentile of nothing": _DEVELOPER},
    "branchlab/teaching/replay/files.py": {
        ",sku,": _DATA,
        "code,name": _DATA,
        ";sku;": _DATA,
        "codigo;nome": _DATA,
    },
    "branchlab/teaching/replay/meaning/dates.py": {"no hour of half a day": _DEVELOPER},
    "branchlab/teaching/replay/reading/table.py": {
        "unexpected end": _READS,
        "field limit": _READS,
        "expected after": _READS,
    },
    "branchlab/teaching/scenarios/apart.py": {
        "secret of {} {}": "a password",
        "Product of {}": _NAME,
        "Customer of {}": _NAME,
    },
    "branchlab/teaching/scenarios/branch_down.py": {"Product of {}": _NAME},
    "branchlab/teaching/scenarios/cable.py": {"Scarce {}": _NAME},
    "branchlab/teaching/scenarios/duel.py": {"Two buyers": _NAME, "Contested {}": _NAME},
    "branchlab/teaching/scenarios/founding.py": {"First product": _NAME, "First customer": _NAME},
    "branchlab/teaching/scenarios/kill_nine.py": {"Product {}": _NAME},
    "branchlab/teaching/scenarios/replicates.py": {"Café torrado": _NAME, "Padaria do Sol": _NAME},
    "branchlab/teaching/scenarios/selling.py": {"Café torrado": _NAME, "Padaria do Sol": _NAME},
    "branchlab/teaching/scenarios/shelf.py": {"Product {}": _NAME},
    "branchlab/teaching/torture/shoppers.py": {
        "look up": "what a client does, by its name in the code",
        "Product {}": _NAME,
    },
    "branchlab/settings.py": {"# Made once by": _FILE, "# Belongs to": _FILE},
}
"""Module → words of a text in it → why people read it in no other language, or do not read it at all."""

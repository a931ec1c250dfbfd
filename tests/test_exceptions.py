"""Where a check of style or types is switched off for a line, its reason stands beside it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("services", "branchlab", "loadtests", "tests")
_SWITCHED_OFF = re.compile(r"# (?:noqa|type: ignore)\b(?P<rules>: [A-Z0-9, ]+|\[[\w, -]+\])?(?P<reason>.*)")


def test_every_check_that_is_switched_off_has_its_rule_and_a_reason_beside_it() -> None:
    without = []
    for house in HOUSES:
        for module in sorted((ROOT / house).glob("**/*.py")):
            for number, line in enumerate(module.read_text(encoding="utf-8").splitlines(), 1):
                found = _SWITCHED_OFF.search(line)
                if found and not (found["rules"] and re.search(r"\w", found["reason"])):
                    without.append(f"{module.relative_to(ROOT)}:{number}: {found[0]}")

    assert without == []

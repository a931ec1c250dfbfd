"""`./lab audit`: looks locked packages up in sources of security advisories, and says which of them answered.

pip-audit says "no known vulnerabilities" of packages that its source does not know, too. Here a source counts
as one that answered only for the packages that it looked up.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from branchlab import settings
from branchlab.console import out, working
from branchlab.errors import LabError
from branchlab.language import _

TOOL = settings.ROOT / "build" / "audit" / "bin" / "pip-audit"
LOCKS = (
    "services/node/requirements.txt",
    "requirements.txt",
    "requirements-client.txt",
    "requirements-audit.txt",
)
SOURCES = ("pypi", "osv")
_OPTIONS = ("--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "10")
_SECONDS = 600.0


@dataclass(frozen=True)
class Lookup:
    """What one source said of the packages of one lock file. `known` are those that it looked up, `unknown`
    those that it does not have; `advisories` is one line for each package with some. `failure` is why it did
    not answer, or None."""

    source: str
    known: int = 0
    unknown: int = 0
    advisories: tuple[str, ...] = ()
    failure: str | None = None

    @property
    def answered(self) -> bool:
        return self.failure is None and self.known > 0

    def sentence(self) -> str:
        """What came of it, in words."""
        if self.failure is not None:
            return _("{source} did not answer ({failure})", source=self.source, failure=self.failure)
        if not self.known:
            return _(
                "{source} knows none of the {unknown} packages", source=self.source, unknown=self.unknown
            )
        partly = _(", {unknown} are unknown to it", unknown=self.unknown) if self.unknown else ""
        return _(
            "{source} looked up {known} packages{partly}: {count} have advisories",
            source=self.source,
            known=self.known,
            partly=partly,
            count=len(self.advisories),
        )


def audit(
    tool: Annotated[Path, typer.Option(help="The pip-audit to run.")] = TOOL,
) -> None:
    """Look every locked package up in sources of security advisories. Exits 1 if one has any, 0 if none has,
    and 0 with a line that says so if no source answered."""
    if not tool.exists():
        raise LabError(_("there is no {tool}; run `make audit`", tool=tool))
    advisories: list[str] = []
    for lock in LOCKS:
        with working(_("looking {lock} up…", lock=lock)):
            found = [look_up(tool, settings.ROOT / lock, source) for source in SOURCES]
        for lookup in found:
            out.print(f"{lock}: {lookup.sentence()}", markup=False)
            advisories += lookup.advisories
        if not any(lookup.answered for lookup in found):
            out.print(_("{lock}: NOT CHECKED, no source of advisories answered", lock=lock), markup=False)
    for line in sorted(set(advisories)):
        out.print(f"  {line}", markup=False)
    raise typer.Exit(1 if advisories else 0)


def look_up(tool: Path, lock: Path, source: str) -> Lookup:
    """Look the packages of one lock file up in one source."""
    command = [str(tool), "--requirement", str(lock), "--vulnerability-service", source, *_OPTIONS]
    try:
        ended = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Lookup(source, failure=_("not within {seconds:.0f} s", seconds=_SECONDS))
    try:
        packages = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
        return Lookup(
            source,
            failure=said[-1].partition(":")[0]
            if said
            else _("status {returncode}", returncode=ended.returncode),
        )
    return _lookup(source, packages)


def _lookup(source: str, packages: Sequence[dict[str, Any]]) -> Lookup:
    known = [package for package in packages if "vulns" in package]
    return Lookup(
        source,
        known=len(known),
        unknown=len(packages) - len(known),
        advisories=tuple(_advisory(package) for package in known if package["vulns"]),
    )


def _advisory(package: dict[str, Any]) -> str:
    """`jinja2 2.0: PYSEC-1 (fixed in 2.1), PYSEC-2`."""
    said = [
        each["id"]
        + (
            _(" (fixed in {fix_versions})", fix_versions=", ".join(each["fix_versions"]))
            if each.get("fix_versions")
            else ""
        )
        for each in package["vulns"]
    ]
    return f"{package['name']} {package['version']}: {', '.join(said)}"

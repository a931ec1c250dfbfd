"""Plants a bug and looks whether it is caught, and that the same history without it passes."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from unittest import mock

from tests.simulation.history import play as simulate
from tests.simulation.journal import Journal, Violation
from tests.teeth import stage
from tests.teeth.bug import Bug, Checked, Directed, Simulated, Survived
from tests.teeth.stage import BadPlant

MOST_SEEDS = 25
"""Histories tried from the known seed on, before a bug counts as survived."""

LONGEST_WORDS = 200
MISTAKES = tuple(kind.__name__ for kind in stage.MISTAKES)


@dataclass(frozen=True)
class Found:
    """What came of one bug. `caught` is the broken promise in the catcher's words, or None if the bug
    survived; `false_alarm` is what the same history says without it, which must be nothing."""

    name: str
    breaks: str
    by: str
    caught: str | None
    false_alarm: str | None = None

    @property
    def good(self) -> bool:
        return self.caught is not None and self.false_alarm is None


def catch(bug: Bug, *, template: Path) -> Found:
    """Plant a bug in a copy of the world and say what caught it. Raises BadPlant."""
    match bug.catcher:
        case Survived() as drift:
            return _survive(bug, drift, template=template)
        case Directed() as kept:
            return _direct(bug, kept, template=template)
        case Simulated() as drawn:
            return _simulate(bug, drawn, template=template)


def _direct(bug: Bug, kept: Directed, *, template: Path) -> Found:
    with bug.plant():
        caught = stage.play(kept.history, kept.arguments, template=template)
    alarm = stage.play(kept.history, kept.arguments, template=template)
    by = f"{Path(kept.history.__code__.co_filename).name}::{kept.history.__name__}"
    return Found(bug.name, bug.breaks, by, caught, alarm)


def _survive(bug: Bug, drift: Survived, *, template: Path) -> Found:
    """A drift counts as caught when every promise holds under it and an alarm names the rows."""
    with bug.plant():
        named = stage.tell(drift.history, template=template)
    alarm = stage.tell(drift.history, template=template)
    false_alarm = None if drift.alters else alarm
    return Found(bug.name, bug.breaks, f"survived, {drift.history.__name__}", named, false_alarm)


def _simulate(bug: Bug, drawn: Simulated, *, template: Path) -> Found:
    by = "checker" if isinstance(drawn, Checked) else "simulation"
    for seed in range(drawn.seed, drawn.seed + MOST_SEEDS):
        with bug.plant():
            broken = _violation(seed, drawn, template=template)
        if broken is not None:
            _require_sense(broken)
            alarm = _violation(seed, drawn, template=template)
            where = f"{by}, seed {seed}{_kind(drawn)}"
            return Found(
                bug.name, bug.breaks, where, _words(broken), None if alarm is None else _words(alarm)
            )
    return Found(bug.name, bug.breaks, f"{by}, seeds {drawn.seed} to {seed}", None)


def _kind(drawn: Simulated) -> str:
    return (", disks lost" if drawn.wipes else "") + (", a member lies" if drawn.liars else "")


def _violation(seed: int, drawn: Simulated, *, template: Path) -> Violation | None:
    alone = mock.patch.object(Journal, "violation", _of_the_checker)
    with alone if isinstance(drawn, Checked) else nullcontext():
        violations = simulate(seed, template=template, wipes=drawn.wipes, liars=drawn.liars).violations
    return violations[0] if violations else None


def _of_the_checker(journal: Journal, promise: str, text: str) -> None:
    """Take down what the checker says, and let the history go on after anything else."""
    if promise.startswith("checker"):
        journal.violations.append(Violation(promise, text))


def _require_sense(broken: Violation) -> None:
    if any(mistake in broken.text for mistake in MISTAKES):
        raise BadPlant(broken.text)


def _words(violation: Violation | None) -> str | None:
    if violation is None:
        return None
    return shorten(f"{violation.promise}: {violation.text}", LONGEST_WORDS, placeholder=" …")

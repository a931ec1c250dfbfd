"""Reads a lesson's file and holds it to its form. Every fault is named with its place, in either language."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from branchlab.errors import LabError
from branchlab.language import Language, _, tables
from branchlab.networks.network import NODE_NAMES
from branchlab.teaching.lesson.model import VERBS, Lesson, Sell, Step

FILES = Path(__file__).parent / "files"
MOST_LINES = 25
_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS = tables(
    {
        "missing": "this field is missing",
        "extra_forbidden": "there is no such field",
        "literal_error": "it can only be {expected}",
        "string_pattern_mismatch": "it does not have the expected form",
        "greater_than": "it is too little",
        "greater_than_equal": "it is too little",
        "less_than_equal": "it is too much",
        "too_short": "it is too short",
        "too_long": "it is too long",
        "string_too_short": "it is empty",
        "string_too_long": "it is too long",
        "unequal_choices": "the languages have unequal choices",
        "needs_choices": "a choice needs choices, and an answer that is one of them",
        "needs_observe": "it needs observe and unit",
        "says_nothing": "it needs one of: is, about, or least and most",
        "how_many": "it needs rate and seconds, or orders with one number for each node",
        "not_yaml": "it is not YAML: {why}",
        "long_file": "it has {lines} lines; the most is {most}",
        "no_verb": "this step does not say what to do",
        "two_verbs": "this step says more than one thing: {verbs}",
        "unknown_node": "there is no node {node} in this network",
        "unknown_step": "no earlier step is called {step}",
        "same_name": "two steps are called {step}",
        "other_id": "the file is called {file}",
        "other": "it is not valid",
    }
)


@dataclass(frozen=True)
class Fault:
    """What is wrong at a place of a file."""

    where: str
    what: str
    facts: Mapping[str, Any]

    def said(self, language: Language) -> str:
        """The fault in that language."""
        text = _WORDS[language][self.what].format(**self.facts)
        return f"{self.where}: {text}" if self.where else text


class LessonFileError(LabError):
    """A file that does not have the form of a lesson; `faults` are all that was found."""

    def __init__(self, path: Path, faults: Sequence[Fault], language: Language = "en") -> None:
        self.faults = tuple(faults)
        said = "; ".join(fault.said(language) for fault in faults)
        super().__init__(f"{path.name}: {said}")


@dataclass(frozen=True)
class Loaded:
    """A file and the steps of its method."""

    lesson: Lesson
    steps: tuple[Step, ...]


def load_all(folder: Path = FILES) -> list[Loaded]:
    """Every scenario of the lesson, in its order."""
    return [load(path) for path in sorted(folder.glob("*.yaml"))]


def load(path: Path, *, language: Language = "en") -> Loaded:
    """The scenario in that file. LessonFileError names all its faults in that language."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LabError(_("cannot read {path}: {error}", path=path, error=error.strerror)) from None
    faults: list[Fault] = []
    if (lines := len(text.splitlines())) > MOST_LINES:
        faults.append(Fault("", "long_file", {"lines": lines, "most": MOST_LINES}))
    try:
        said = yaml.load(text, _SAFE)  # noqa: S506 (it is a safe loader, the fast one where there is one)
        lesson = Lesson.model_validate(said)
    except yaml.YAMLError as error:
        first = str(error).partition("\n")[0]
        raise LessonFileError(path, [*faults, Fault("", "not_yaml", {"why": first})], language) from None
    except ValidationError as error:
        raise LessonFileError(path, [*faults, *_faults(error)], language) from None
    steps: list[Step] = []
    for number, given in enumerate(lesson.method, start=1):
        step = _step(f"method.{number}", given, faults)
        if step is not None:
            steps.append(step)
    if path.stem != lesson.id:
        faults.append(Fault("id", "other_id", {"file": path.stem}))
    faults += _misfits(lesson, steps)
    if faults:
        raise LessonFileError(path, faults, language)
    return Loaded(lesson, tuple(steps))


def _step(where: str, given: Mapping[str, Any], faults: list[Fault]) -> Step | None:
    verbs = [word for word in given if word in VERBS]
    if len(verbs) != 1:
        what = "two_verbs" if verbs else "no_verb"
        faults.append(Fault(where, what, {"verbs": ", ".join(verbs)}))
        return None
    try:
        return VERBS[verbs[0]].model_validate(given)
    except ValidationError as error:
        faults += _faults(error, where)
        return None


def _faults(error: ValidationError, where: str = "") -> Iterator[Fault]:
    for one in error.errors():
        place = ".".join([*([where] if where else []), *(str(part) for part in one["loc"])])
        what = one["type"]
        if what == "value_error":  # of a rule of model.py, which raises its name
            what = str(one["ctx"]["error"])
        yield Fault(place, what if what in _WORDS["en"] else "other", dict(one.get("ctx") or {}))


def _misfits(lesson: Lesson, steps: Sequence[Step]) -> Iterator[Fault]:
    """Nodes that the network has not, and names that no step has."""
    there = NODE_NAMES[: lesson.nodes]
    names: list[str] = []
    for number, step in enumerate(steps, start=1):
        where = f"method.{number}"
        for node in _nodes_of(step):
            if node not in there:
                yield Fault(where, "unknown_node", {"node": node})
        for name in (getattr(step, "again", None), getattr(step, "cancel", None)):
            if name is not None and name not in names:
                yield Fault(where, "unknown_step", {"step": name})
        if step.name is not None:
            if step.name in names:
                yield Fault(where, "same_name", {"step": step.name})
            names.append(step.name)
    asked = [(f"expect.{place}", one.that) for place, one in enumerate(lesson.expect, start=1)]
    asked += [(f"predict.{place}", one.observe) for place, one in enumerate(lesson.predict, 1) if one.observe]
    for where, fact in asked:
        if fact.partition(".")[0] not in names:
            yield Fault(where, "unknown_step", {"step": fact.partition(".")[0]})


def _nodes_of(step: Step) -> Iterator[str]:
    """The nodes that a step names."""
    if isinstance(step, Sell):
        yield from step.at
    for word in ("stop", "pause", "start", "resume", "wipe", "batch", "skew", "knock", "at"):
        if isinstance(value := getattr(step, word, None), str):
            yield value
    for word in ("cut", "slow", "duplicate", "reorder", "link", "token"):
        yield from getattr(step, word, None) or ()

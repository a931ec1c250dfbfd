"""Runs other people's programs that take minutes, and makes one short line of what each of theirs says."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from branchlab.language import _
from branchlab.steps import Step

# BuildKit: `#9 [packages 3/3] RUN python -m …` and `#9 12.3 Collecting fastapi==0.115.0`; before it:
# `Step 3/14 : RUN python -m …` and `Collecting fastapi==0.115.0`.
_STEP = re.compile(r"#\d+ \[(?:[^\]]* )?(?P<done>\d+)/(?P<total>\d+)\] (?P<what>.+)")
_OLD_STEP = re.compile(r"Step (?P<done>\d+)/(?P<total>\d+) : (?P<what>.+)")
_FETCHED = re.compile(r"(?:#\d+ [\d.]+ )?\s*Collecting (?P<package>[^\s;(]+)")
_INSTALLED = re.compile(r"(?:#\d+ [\d.]+ )?\s*Installing collected packages")
_LAYER, _LAYER_HERE = (
    re.compile(r"(\w+): Pulling fs layer"),
    re.compile(r"(\w+): (?:Pull complete|Already exists)"),
)
_DEBIAN = re.compile(r"I: (?P<what>.+)")
_LONGEST = 60  # characters of an instruction

OnLine = Callable[[str], None]


def run_told(
    command: Sequence[str],
    on_line: OnLine,
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Runs the command, calls `on_line` with each line it writes while it runs, and returns its exit code.

    subprocess.TimeoutExpired when it takes longer; FileNotFoundError when there is none of that name.
    """
    process = subprocess.Popen(
        command,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    late = threading.Event()

    def give_up() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, give_up)
    timer.start()
    try:
        assert process.stdout is not None, "it is a pipe"
        with process.stdout as lines:
            for line in lines:
                on_line(line.rstrip("\n"))
        exit_code = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
    if late.is_set():
        raise subprocess.TimeoutExpired(command, seconds)
    return exit_code


class BuildSteps:
    """The steps of a build of an image, from the lines that either builder of Docker writes."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._step = Step(what)

    def read(self, line: str) -> Iterator[Step]:
        """The step that begins with this line, or what the step under way just does; seldom either."""
        if match := _STEP.match(line) or _OLD_STEP.match(line):
            done, total = int(match["done"]), int(match["total"])
            step = Step(f"{self._what} {done}/{total}: {_short(match['what'])}", done=done, total=total)
            if step != self._step:  # BuildKit says it again when it is done, or was done before
                self._step = step
                yield step
        elif match := _FETCHED.match(line):
            yield self._detail(_("fetching {package}", package=match["package"]))
        elif _INSTALLED.match(line):
            yield self._detail(_("installing the packages"))

    def _detail(self, words: str) -> Step:
        under_way = self._step
        head = under_way.partition(": ")[0]
        return Step(f"{head}: {words}", done=under_way.done, total=under_way.total, passing=True)


class PullSteps:
    """How much of an image is here, from the lines of `docker pull`."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._layers: set[str] = set()
        self._here: set[str] = set()

    def read(self, line: str) -> Iterator[Step]:
        """How far it is, where this line says more."""
        if match := _LAYER.match(line) or _LAYER_HERE.match(line):
            self._layers.add(match[1])
            if _LAYER_HERE.match(line):
                self._here.add(match[1])
            done, total = len(self._here), len(self._layers)
            yield Step(
                _("{what}: {done} of {total} layers", what=self._what, done=done, total=total),
                done=done,
                total=total,
                passing=done < total,
            )


def debian_step(what: str, line: str) -> Iterator[Step]:
    """What debootstrap just does, in one line; it says so for each package."""
    if match := _DEBIAN.match(line):
        yield Step(f"{what}: {_short(match['what'])}", passing=True)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"

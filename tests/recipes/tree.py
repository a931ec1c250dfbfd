"""A copy of the whole tree, to be changed by exact anchors and tried by its own tests."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODE = Path("services/node")
VERSIONS = NODE / "migrations/versions"

_PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider")
_TRY_SECONDS = 300


class MissingAnchor(Exception):
    """A recipe's anchor is not exactly once in its file: the tree moved on, and the recipe with it."""


@dataclass(frozen=True)
class Tried:
    """How tests ended in a copy of the tree."""

    passed: bool
    said: str


class Tree:
    """A tree that may be changed. Paths are relative to its root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str | Path) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path: str | Path, text: str) -> None:
        """Make a file, or make it anew."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def replace(self, path: str | Path, anchor: str, text: str) -> None:
        """Put `text` in the place of what stands exactly once in a file. Raises MissingAnchor."""
        before = self.read(path)
        if before.count(anchor) != 1:
            raise MissingAnchor(f"{path}: {before.count(anchor)} times, not once: {anchor!r}")
        self.write(path, before.replace(anchor, text))

    def after(self, path: str | Path, anchor: str, text: str) -> None:
        """Put `text` behind what stands exactly once in a file. Raises MissingAnchor."""
        self.replace(path, anchor, anchor + text)

    def before(self, path: str | Path, anchor: str, text: str) -> None:
        """Put `text` before what stands exactly once in a file. Raises MissingAnchor."""
        self.replace(path, anchor, text + anchor)

    def append(self, path: str | Path, text: str) -> None:
        """Put `text` at the end of a file."""
        self.write(path, self.read(path) + text)

    def append_to(self, path: str | Path, head: str, text: str) -> None:
        """Put lines at the end of the block that begins with `head` at the margin. Raises MissingAnchor."""
        block = re.compile(rf"^{re.escape(head)}.*?\n(?=\n*^\S|\Z)", re.MULTILINE | re.DOTALL)
        found = block.findall(self.read(path))
        if len(found) != 1:
            raise MissingAnchor(f"{path}: {len(found)} blocks, not one: {head!r}")
        self.replace(path, found[0], found[0].rstrip("\n") + f"\n{text}\n")

    def add_import(self, path: str | Path, line: str) -> None:
        """Import something after the module's docstring, once; ruff sorts it."""
        text = self.read(path)
        if f"{line}\n" not in text:
            match = re.match(r'""".*?"""\n\n', text, re.DOTALL)
            if match is None:
                raise MissingAnchor(f"{path}: no docstring to import after")
            self.write(path, f"{match[0]}{line}\n{text[match.end() :]}")

    def newest_migration(self) -> str:
        """The revision of the newest migration."""
        return max(path.name[:4] for path in (self.root / VERSIONS).glob("[0-9]*.py"))

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run this interpreter in the tree, on the tree's own packages."""
        packages = os.pathsep.join(map(str, (self.root / NODE, self.root)))
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=_TRY_SECONDS,
            check=False,
        )

    def run(self, *arguments: str) -> None:
        """The same; fails loudly."""
        ended = self.python(*arguments)
        if ended.returncode:
            raise RuntimeError(f"python {' '.join(arguments)}: {ended.stdout}{ended.stderr}")

    def try_tests(self, tests: Sequence[str]) -> Tried:
        """Run these test files in the tree, up to the first failure; the node's first, as pytest finds its
        packages then."""
        ended = self.python(*_PYTEST, *sorted(tests, key=lambda test: not test.startswith(str(NODE))))
        return Tried(ended.returncode == 0, ended.stdout + ended.stderr)

    def lint(self) -> Tried:
        """Look at the tree's style, with imports sorted as `ruff --fix` does."""
        self.python("-m", "ruff", "check", "--quiet", "--select", "I", "--fix", ".")
        ended = self.python("-m", "ruff", "check", "--quiet", ".")
        return Tried(ended.returncode == 0, ended.stdout + ended.stderr)


def copy_to(target: Path) -> Tree:
    """The tree as it is now, with what is not committed yet, at `target`. What Python compiled of it comes
    along, and holds for every file that is not changed there: it names the time and size of its source."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for name in {str(Path(name).parent) for name in listed.split("\0") if name.endswith(".py")}:
        if (ROOT / name / "__pycache__").is_dir():
            shutil.copytree(ROOT / name / "__pycache__", target / name / "__pycache__")
    return Tree(target)

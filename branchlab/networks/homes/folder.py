"""The folder at hand: whether it is the home of the network it describes, and how a copy gets its own."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from branchlab import settings
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks import network
from branchlab.networks.homes import record
from branchlab.networks.homes.rules import Claim, Standing, judge

Say = Callable[[str], None]


@dataclass(frozen=True)
class Belonging:
    """How a folder stands to the network that it describes, and where that network's home was recorded."""

    standing: Standing
    first: Path

    @property
    def is_own(self) -> bool:
        return self.standing in ("own", "moved")


def look(run_dir: Path) -> Belonging:
    """Whether the network described in `run_dir` belongs there; `own` where none is. Changes nothing."""
    kept, founding = record.read(run_dir), _founding(run_dir)
    if kept is None or founding is None:
        return Belonging("own", run_dir)
    mine = Claim(recorded=kept.place, here=record.place_of(run_dir))
    if _is_same(kept.place.path, run_dir):  # by another name, as where a disk takes LAB for lab
        return Belonging("own", run_dir)
    return Belonging(judge(mine, _other(mine, founding)), Path(kept.place.path))


def moved_from(run_dir: Path) -> Path | None:
    """Where the network's home was at its last `make up`, when that was another place."""
    kept = record.read(run_dir)
    if kept is None or Path(kept.place.path) == run_dir.resolve():
        return None
    return Path(kept.place.path) if look(run_dir).standing == "moved" else None


def require_own(run_dir: Path) -> None:
    """LabError where `run_dir` describes a network that belongs to another folder, or may do so."""
    found = look(run_dir)
    if found.standing == "copied":
        raise LabError(
            _(
                "{run_dir} is a copy of {first}, whose network is left alone; `make up` gives this"
                " folder a network of its own",
                run_dir=run_dir,
                first=found.first,
            )
        )
    if found.standing == "unclear":
        raise LabError(
            _(
                "the network in {run_dir} was made in {first}, which is not there: if you moved it here,"
                " run `./lab adopt`; if this is a copy, run `make clean`, then `make up`",
                run_dir=run_dir,
                first=found.first,
            )
        )


def become_own(run_dir: Path, env_file: Path, say: Say) -> None:
    """Gives a copied folder a network of its own: what was copied is moved aside, and the secrets are new
    ones. Says so. Any other folder stays as it is; LabError where only a person can tell."""
    found = look(run_dir)
    if found.standing == "unclear":
        require_own(run_dir)
    if found.standing == "copied":
        aside = _free_name(run_dir)
        run_dir.rename(aside)
        say(
            _(
                "{run_dir} is a copy of {first}, whose network is left alone: this folder gets its own",
                run_dir=run_dir,
                first=found.first,
            )
        )
        say(_("the copied data are in {aside}", aside=aside))
    _renew_secrets(found, run_dir, env_file, say)


def remove_copied(run_dir: Path, env_file: Path, say: Say) -> Belonging:
    """Removes what was copied into `run_dir`, and nothing of the network that it describes. For a folder
    whose network belongs to it nothing is done. Returns how the folder stood."""
    found = look(run_dir)
    if not found.is_own:
        shutil.rmtree(run_dir)
    _renew_secrets(found, run_dir, env_file, say)
    return found


def _renew_secrets(found: Belonging, run_dir: Path, env_file: Path, say: Say) -> None:
    """Gives a copied secrets' file an identity of its own. A network that belongs here keeps its file, and so
    does a file that is no copy itself and is shared on purpose."""
    first = settings.belongs_to(env_file) if not found.is_own else settings.copied_from(env_file)
    if first is None or first == env_file.resolve() or _founding(run_dir) is not None:
        return
    settings.renew(env_file)
    say(
        _(
            "{env_file} is a copy of {first}: its identity and secrets are new; the administrator stays",
            env_file=env_file,
            first=first,
        )
    )


def _founding(run_dir: Path) -> str | None:
    """The id of the network described in `run_dir`; None where there is none, or none that can be read."""
    with suppress(LabError, OSError):
        current = network.find(run_dir)
        return current.founding if current is not None else None
    return None


def _is_same(recorded: str, run_dir: Path) -> bool:
    try:
        return Path(recorded).samefile(run_dir)
    except OSError:
        return False


def _other(mine: Claim, founding: str) -> Claim | None:
    """The claim of another folder, at the recorded path, that describes the same network."""
    path = Path(mine.recorded.path)
    try:
        here = record.place_of(path)
        if here.path == mine.here.path:
            return None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # nobody here may look, so it is somebody's
        return Claim(recorded=mine.recorded, here=mine.recorded)
    if _founding(path) != founding:
        return None
    kept = record.read(path)
    return Claim(recorded=kept.place if kept is not None else here, here=here)


def _free_name(run_dir: Path) -> Path:
    number = 1
    while (name := run_dir.with_name(f"{run_dir.name}-copied-{number}")).exists():
        number += 1
    return name

"""The shell around the lab: its variables, its terminal, its folders, and pip's settings."""

import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from branchlab import terminal
from branchlab.language import _
from branchlab.networks import pip_settings
from branchlab.networks.checks.finding import Finding, noted

_TRUE = ("1", "true", "yes", "on")
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - where Python goes when TMPDIR is no use


def variables(_run_dir: Path, _env_file: Path) -> Finding:
    """The Makefile and `./lab` list in LAB_IGNORED what they took out of the environment."""
    names = sorted(set(os.environ.get("LAB_IGNORED", "").split()))
    if not names:
        return Finding(_("shell"), fine=True, words=_("no variable of it is in the way"))
    return noted(
        _("shell"),
        _("ignored: {names}; what is meant is said as in `make NAME=value`", names=", ".join(names)),
    )


def proxies(_run_dir: Path, _env_file: Path) -> Finding:
    """The lab and its nodes ask no proxy for each other; what a person types may."""
    found = urllib.request.getproxies_environment()
    named = next((found[scheme] for scheme in ("http", "all") if scheme in found), None)
    if named is None or urllib.request.proxy_bypass_environment("127.0.0.1"):  # type: ignore[attr-defined]  # typeshed leaves it out
        return Finding(_("proxies"), fine=True, words=_("none between this machine and its nodes"))
    return Finding(
        _("proxies"),
        fine=False,
        words=_("curl and browsers may ask a proxy for 127.0.0.1; the lab itself does not"),
        advice=_("`export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost`"),
    )


def characters(_run_dir: Path, _env_file: Path) -> Finding:
    if not terminal.is_plain():
        return Finding(_("terminal"), fine=True, words=_("shows every character"))
    return noted(
        _("terminal"),
        _("{encoding} lacks some characters; the nearest plain ones are shown", encoding=sys.stdout.encoding),
        _("a UTF-8 locale shows them, like `export LC_ALL=C.UTF-8`"),
    )


def home(_run_dir: Path, _env_file: Path) -> Finding:
    place = os.environ.get("HOME")
    if place and Path(place).is_dir():
        return Finding("HOME", fine=True, words=_("is a folder"))
    words = _("is {place}, which is no folder", place=place) if place else _("is not set")
    return noted("HOME", _("{words}; nothing of the lab is kept there", words=words))


def temporary_files(
    _run_dir: Path, _env_file: Path, *, otherwise: Sequence[str] = (*_TEMPORARY, os.curdir)
) -> Finding:
    """Where copies of databases and images are made for a moment."""
    wanted = os.environ.get("TMPDIR")
    usable = [place for place in (*([wanted] if wanted else []), *otherwise) if _may_be_filled(place)]
    if not usable:
        return Finding(
            _("temporary"),
            fine=False,
            words=_("no folder for them"),
            advice=_("name one: `export TMPDIR=/path`"),
        )
    if wanted and usable[0] != wanted:
        return noted(
            _("temporary"),
            _(
                "TMPDIR is {wanted}, which cannot be written; {usable} is used",
                wanted=wanted,
                usable=usable[0],
            ),
        )
    return Finding(_("temporary"), fine=True, words=_("files have a place in {usable}", usable=usable[0]))


def _may_be_filled(place: str) -> bool:
    return Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK)


def pip(_run_dir: Path, _env_file: Path) -> Finding:
    """pip's own settings may send packages elsewhere than into .venv."""
    return judge_pip(pip_settings.listing(), user=os.environ.get("PIP_USER", ""))


def judge_pip(listing: str, *, user: str = "") -> Finding:
    """What `pip` finds in the list that pip gives of its settings. `user` is PIP_USER of the environment.
    `make` overrules the environment, and `user` in files."""
    there = [line.partition("=") for line in listing.splitlines()]
    values = {key: value.strip("'\"") for key, _, value in there}
    elsewhere = ("target", "prefix", "root")
    in_files = [key for key, value in values.items() if value and not key.startswith(":env:")]
    away = [key for key in in_files if key.rpartition(".")[2] in elsewhere]
    if away:
        words = _("pip's own file sends packages elsewhere ({away})", away=", ".join(away))
        return Finding(_("pip"), fine=False, words=words, advice=_("`pip config unset {away}`", away=away[0]))
    if any(one.lower() in _TRUE for one in (user, *_values_of("user", values))):
        return noted(_("pip"), _("`user` is set; `make` installs into .venv all the same"))
    return Finding(_("pip"), fine=True, words=_("installs into .venv"))


def _values_of(name: str, values: Mapping[str, str]) -> Iterator[str]:
    return (value for key, value in values.items() if key.rpartition(".")[2] == name)

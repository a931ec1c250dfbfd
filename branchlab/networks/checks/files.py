"""The files of the checkout: whether those who need them may read them, and whether `.env` is plain text."""

import codecs
import os
from pathlib import Path

from branchlab import settings
from branchlab.language import _
from branchlab.networks.checks.finding import Finding, noted

_OTHERS_MAY_READ = 0o004


def code(_run_dir: Path, _env_file: Path, *, folder: Path = settings.NODE_DIR) -> Finding:
    """The code of a node, which this user runs and an image is made of."""
    found = [path for part in ("app", "migrations") for path in (folder / part).rglob("*.py")]
    closed = [path for path in found if not os.access(path, os.R_OK)]
    if closed:
        return Finding(
            _("code"),
            fine=False,
            words=_(
                "this user may not read {count} files, like {closed}", count=len(closed), closed=closed[0]
            ),
            advice=_("clone again as this user, or run `sudo chown -R $(id -u) {root}`", root=settings.ROOT),
        )
    if any(not path.stat().st_mode & _OTHERS_MAY_READ for path in found):
        return noted(_("code"), _("only its owner may read it; the image opens it for the node's own user"))
    return Finding(_("code"), fine=True, words=_("can be read"))


def secrets_text(_run_dir: Path, env_file: Path) -> Finding:
    """The lab reads `.env` as it is; to shells, a carriage return is part of a secret."""
    if not env_file.is_file():
        return Finding(_("secrets' text"), fine=True, words=_("none yet"))
    content = env_file.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Finding(
            _("secrets' text"),
            fine=False,
            words=_(
                "{env_file} line {line} is not UTF-8; the lab reads it, Compose by hand does not",
                env_file=env_file,
                line=line,
            ),
            advice=_("save it as UTF-8 in your editor"),
        )
    if content.startswith(codecs.BOM_UTF8):
        return Finding(
            _("secrets' text"),
            fine=False,
            words=_(
                "{env_file} begins with a byte order mark; the lab skips it, a shell does not",
                env_file=env_file,
            ),
            advice=_("save it as UTF-8 without a mark in your editor"),
        )
    if b"\r" in content:
        return Finding(
            _("secrets' text"),
            fine=False,
            words=_(
                "{env_file} has CRLF; the lab reads it, a shell takes the CR for part of each value",
                env_file=env_file,
            ),
            advice=_("run `sed -i 's/\\r$//' {env_file}`", env_file=env_file),
        )
    return Finding(_("secrets' text"), fine=True, words=_("plain UTF-8"))

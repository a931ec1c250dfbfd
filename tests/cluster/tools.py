"""The programs beside Python that some tests need, and where they are."""

import os
import shutil
from pathlib import Path

from branchlab.settings import ROOT

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser() -> str | None:
    """The system's Chromium, or None where there is none. No test installs one."""
    return next((found for found in map(shutil.which, _BROWSERS) if found), None)


def client_generator() -> Path | None:
    """The program that makes a client of an OpenAPI document, or None before `make test` installed it. It has
    a virtual environment of its own, and so has what it makes."""
    folder = Path(os.environ.get("CLIENT_GENERATOR_DIR") or ROOT / "build" / "client")
    found = folder / "bin" / "openapi-python-client"
    return found if found.exists() else None

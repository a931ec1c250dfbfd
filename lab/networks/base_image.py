"""The image that the project's Dockerfiles build on, made here where no registry answers."""

import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from lab import settings
from lab.errors import LabError
from lab.networks.drivers.docker import image_exists

_DOCKERFILE = settings.NODE_DIR / "Dockerfile"
_SUITE = "trixie"  # the Debian release that the tag names
_PACKAGES = "python3,python3-venv,ca-certificates"
_PULL_SECONDS = 600.0
_BUILD_SECONDS = 900.0
_CA_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
# Only what a program needs to run is kept: package lists, downloads and manuals are most of the size.
_DISPENSABLE = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")

Tell = Callable[[str], None]
Origin = Literal["present", "pulled", "built"]


def tag() -> str:
    """The base image as the node's Dockerfile names it."""
    lines = _DOCKERFILE.read_text(encoding="utf-8").splitlines()
    return next(line.split()[1] for line in lines if line.startswith("FROM "))


def ensure(tell: Tell) -> Origin:
    """Makes sure that the base image is on this machine: pulled, or built if no registry answers.

    LabError names what building it needs and this machine lacks.
    """
    if image_exists(tag()):
        return "present"
    tell(f"fetching {tag()}…")
    if _pulled():
        return "pulled"
    build(tell)
    return "built"


def build(tell: Tell, *, as_root: bool = os.geteuid() == 0) -> None:
    """Builds the base image under its own tag from Debian's packages; takes about a minute.

    It gets this machine's certificates, so that a build also works in a network that inspects TLS. LabError
    names what is missing: root, which debootstrap needs, or debootstrap itself.
    """
    _require_tools(tell, as_root=as_root)
    tell(f"no registry answers: building {tag()} from Debian's packages (about a minute)…")
    with tempfile.TemporaryDirectory(prefix="base-image-") as directory:
        root = Path(directory) / "root"
        _run(["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(root)])
        _finish(root)
        _import(root)


def _pulled() -> bool:
    try:
        asked = subprocess.run(
            ["docker", "pull", "--quiet", tag()], capture_output=True, timeout=_PULL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _require_tools(tell: Tell, *, as_root: bool) -> None:
    if not as_root:
        raise LabError(
            f"no registry gives {tag()}, and building it here needs root: run"
            " `sudo .venv/bin/python -m lab base-image` once, or use `make up DRIVER=process`"
        )
    if shutil.which("debootstrap"):
        return
    if not shutil.which("apt-get"):
        raise LabError(
            f"no registry gives {tag()}, and building it here needs debootstrap: install it,"
            " or use `make up DRIVER=process`"
        )
    tell("installing debootstrap…")
    _run(["apt-get", "update", "--quiet"])
    _run(["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "debootstrap"])


def _finish(root: Path) -> None:
    """Adds what Debian's own root lacks of the published image, and removes what no program needs."""
    for name in _DISPENSABLE:
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).mkdir(parents=True)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    bundle = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if bundle and Path(bundle).is_file():
        shutil.copyfile(bundle, root / _CA_BUNDLE)


def _import(root: Path) -> None:
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        imported = subprocess.run(
            ["docker", "import", "--change", 'CMD ["python3"]', "-", tag()],
            stdin=tar.stdout,
            capture_output=True,
            text=True,
            timeout=_BUILD_SECONDS,
            check=False,
        )
    if tar.returncode or imported.returncode:
        raise LabError(f"Docker did not take the base image: {imported.stderr.strip()}")


def _run(command: list[str]) -> None:
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS,
        check=False,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    if ended.returncode:
        said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
        raise LabError(f"`{command[0]}` failed: {said[-1] if said else f'exit {ended.returncode}'}")

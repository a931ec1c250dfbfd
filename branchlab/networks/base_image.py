"""The image that the project's Dockerfiles build on, made here where no registry answers."""

import os
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from branchlab import settings
from branchlab.errors import LabError
from branchlab.language import _
from branchlab.networks.drivers.docker import image_exists
from branchlab.networks.drivers.told import PullSteps, debian_step, run_told
from branchlab.steps import Tell

_DOCKERFILE = settings.NODE_DIR / "Dockerfile"
_SUITE = "trixie"  # the Debian release that the tag names
_PACKAGES = "python3,python3-venv,ca-certificates"
_PULL_SECONDS = 600.0
_BUILD_SECONDS = 900.0
_CA_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
# Only what a program needs to run is kept: package lists, downloads and manuals are most of the size.
_DISPENSABLE = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")

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
    tell(_("fetching {tag}…", tag=tag()))
    if _pulled(tell):
        return "pulled"
    build(tell)
    return "built"


def build(tell: Tell, *, as_root: bool = os.geteuid() == 0) -> None:
    """Builds the base image under its own tag from Debian's packages; takes about a minute.

    It gets this machine's certificates, so that a build also works in a network that inspects TLS. LabError
    names what is missing: root, which debootstrap needs, or debootstrap itself.
    """
    _require_tools(tell, as_root=as_root)
    tell(_("no registry answers: building {tag} from Debian's packages (about a minute)…", tag=tag()))
    with tempfile.TemporaryDirectory(prefix="base-image-") as directory:
        root = Path(directory) / "root"
        options = ["--variant=minbase", f"--include={_PACKAGES}"]
        _run(["debootstrap", *options, _SUITE, str(root)], tell, _("Debian's packages"))
        tell(_("handing {tag} over to Docker…", tag=tag()))
        _finish(root)
        _import(root)


def _pulled(tell: Tell) -> bool:
    steps = PullSteps(_("fetching {tag}", tag=tag()))

    def on_line(line: str) -> None:
        for step in steps.read(line):
            tell(step)

    try:
        return run_told(["docker", "pull", tag()], on_line, seconds=_PULL_SECONDS) == 0
    except subprocess.TimeoutExpired:
        return False


def _require_tools(tell: Tell, *, as_root: bool) -> None:
    if not as_root:
        raise LabError(
            _(
                "no registry gives {tag}, and building it here needs root: run `sudo ./lab base-image`"
                " once, or use `make up DRIVER=process`",
                tag=tag(),
            )
        )
    if shutil.which("debootstrap"):
        return
    if not shutil.which("apt-get"):
        raise LabError(
            _(
                "no registry gives {tag}, and building it here needs debootstrap: install it, or use"
                " `make up DRIVER=process`",
                tag=tag(),
            )
        )
    tell(_("installing debootstrap…"))
    _run(["apt-get", "update", "--quiet"], tell, "apt-get")
    _run(
        ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "debootstrap"], tell, "apt-get"
    )


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
            encoding="utf-8",
            errors="replace",
            timeout=_BUILD_SECONDS,
            check=False,
        )
    if tar.returncode or imported.returncode:
        raise LabError(_("Docker did not take the base image: {stderr}", stderr=imported.stderr.strip()))


def _run(command: list[str], tell: Tell, what: str) -> None:
    """Runs it, and tells what it does. LabError is its last line."""
    said = ""

    def on_line(line: str) -> None:
        nonlocal said
        said = line.strip() or said
        for step in debian_step(what, line):
            tell(step)

    exit_code = run_told(
        command,
        on_line,
        seconds=_BUILD_SECONDS,
        environment={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    if exit_code:
        raise LabError(
            _(
                "`{command}` failed: {said}",
                command=command[0],
                said=said or _("exit {exit_code}", exit_code=exit_code),
            )
        )

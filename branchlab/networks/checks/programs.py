"""Other programs that the lab meets: what has Locust's port, and how Docker's own client is set up."""

import json
import os
from pathlib import Path

from branchlab.language import _
from branchlab.networks import ports
from branchlab.networks.checks.finding import Finding, noted


def locust_port(_run_dir: Path, _env_file: Path, *, port: int = ports.LOCUST_PORT) -> Finding:
    """Only noted: a `make load-ui` of one's own has it, too."""
    if ports.is_free(port):
        return Finding(_("load page"), fine=True, words=_("port {port} is free", port=port))
    return noted(
        _("load page"),
        _("port {port} is in use by {holder}", port=port, holder=ports.holder(port)),
        _("`make load-ui UI_PORT={port}`", port=port + 1),
    )


def docker_proxies(_run_dir: Path, _env_file: Path) -> Finding:
    """`proxies` of Docker's client configuration go into every container as HTTP_PROXY and its like."""
    file = Path(os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"), "config.json")
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        found = {}
    except (OSError, ValueError) as error:
        return Finding(
            _("Docker's file"),
            fine=False,
            words=_("{file} cannot be read ({error})", file=file, error=error),
            advice=_("mend or remove it"),
        )
    if isinstance(found, dict) and found.get("proxies"):
        return noted(
            _("Docker's file"), _("it gives proxies to containers; nodes and their health checks ask none")
        )
    return Finding(_("Docker's file"), fine=True, words=_("gives no proxies to containers"))

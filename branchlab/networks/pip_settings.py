"""Where pip finds packages on this machine, so that builds find them in the same place."""

import ast
import os
import subprocess
import sys

# Those that make sense inside a container too; paths of this machine, such as find-links, do not.
_PASSED_ON = ("index-url", "extra-index-url", "trusted-host", "default-timeout")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def build_arguments() -> dict[str, str]:
    """PIP_… and …_PROXY variables, by the names the Dockerfiles know; only those that are set here.

    Read from pip itself, so that its configuration files count as much as its environment variables.
    """
    proxies = {name: os.environ.get(name) or os.environ.get(name.lower()) for name in _PROXIES}
    return parse(listing()) | {name: value for name, value in proxies.items() if value}


def listing() -> str:
    """What pip lists of its settings, in files and in the environment.

    Except for PIP_USER: pip would take `user` for an option of its list, and leave out the other files.
    """
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PIP_USER": "0"},
        check=False,
    )
    return listed.stdout


def parse(listing: str) -> dict[str, str]:
    """What of `pip config list` is passed on, as environment variables; later lines win, as in pip."""
    arguments = {}
    for line in listing.splitlines():
        key, separator, value = line.partition("=")
        name = key.rpartition(".")[2]
        if separator and name in _PASSED_ON:
            arguments["PIP_" + name.upper().replace("-", "_")] = str(ast.literal_eval(value))
    return arguments

"""Command-line options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from lab import settings

RunDir = Annotated[
    Path,
    typer.Option(
        "--run-dir",
        envvar="LAB_RUN_DIR",
        help="Where the network keeps its data; networks in different places live side by side.",
    ),
]
EnvFile = Annotated[
    Path, typer.Option("--env-file", envvar="LAB_ENV_FILE", help="The secrets of the network; made once.")
]
Node = Annotated[str, typer.Argument(metavar="NODE", help="A node's name, such as filial-sul.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of words.")]
Deadline = Annotated[float, typer.Option("--deadline", help="Seconds to wait before giving up.", min=0)]

RUN_DIR = settings.DEFAULT_RUN_DIR
ENV_FILE = settings.DEFAULT_ENV_FILE

"""Command-line options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from branchlab import settings

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
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of words.")]
Lang = Annotated[
    str | None, typer.Option("--lang", help="pt-BR or en; by LAB_LANG, else by LANG, when not given.")
]
NodeImpl = Annotated[
    str | None,
    typer.Option(
        "--node-impl",
        metavar="lab|plain|DIR",
        help="The nodes' program; a folder has a `run` or a Dockerfile.",
    ),
]
Deadline = Annotated[float, typer.Option("--deadline", help="Seconds to wait before giving up.", min=0)]

RUN_DIR = settings.DEFAULT_RUN_DIR
ENV_FILE = settings.DEFAULT_ENV_FILE

"""Plays histories in a process of its own: one request a line on standard input, one result a line back."""

import dataclasses
import gc
import json
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from app.database.migrations import migrate
from app.state.registry.canonical_forms import FORMS
from tests.simulation.history import play


def serve(requests: TextIO, results: TextIO) -> None:
    """Answer `{seed, nodes, wipes, liars, lines}` with the history's result as JSON, until the input ends."""
    with tempfile.TemporaryDirectory(prefix="simulation-") as place:
        template = Path(place) / "template.db"
        migrate(template, forms=FORMS)
        gc.freeze()  # looking at all that was imported again and again takes longer than playing
        for line in requests:
            wanted = json.loads(line)
            result = play(
                wanted["seed"],
                template=template,
                nodes=wanted["nodes"],
                wipes=wanted["wipes"],
                liars=wanted["liars"],
                keep_lines=wanted["lines"],
            )
            print(json.dumps(dataclasses.asdict(result)), file=results, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)

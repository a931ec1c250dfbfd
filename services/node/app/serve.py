"""Runs a node: `python -m app.serve --host HOST --port PORT`, with its settings in the environment."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress

from app import main as application
from app.serving.server import node_server

NOT_STARTED = 3  # exit status


def main(words: Sequence[str] | None = None) -> int:
    """Serve until a signal ends it; the exit status. Wrong settings end the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m app.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(words)
    api = application.app
    node = api.state.node
    server = node_server(api, node.settings, host=given.host, port=given.port, clock=node.clock)
    with suppress(KeyboardInterrupt):  # raised again when the server has stopped for it
        server.run(sockets=[server.config.bind_socket()])
    return 0 if server.started else NOT_STARTED


if __name__ == "__main__":
    sys.exit(main())

"""The program behind `forked_nodes`: imports a node's program once, and forks every node from there.

Run by its path in `services/node`, as nodes are; its one word is the address to listen at. It ends with
its standard input, so with the tests that started it.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn

sys.path[0] = os.getcwd()  # as with `python -m`; this file's own folder is nothing to a node

from app import serve  # noqa: E402  # the path above leads there
from app.serving import server  # noqa: E402  # as above

_BACKLOG = 64


def main(address: str) -> None:
    """Fork a node for every request; returns in each node, and in this process at the end."""
    server.quickest()  # imports what nodes read requests with
    gc.collect()
    gc.freeze()  # a collection in a node would copy every page that it looks at
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(_BACKLOG)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        wanted = None
        while wanted is None:
            readable = select.select([sys.stdin, listener], [], [])[0]
            if sys.stdin in readable:
                return
            wanted = _forked(listener)
    _become(wanted)


def _forked(listener: socket.socket) -> dict[str, Any] | None:
    """Takes one request and answers it with the node's pid: None here, and in the node what was wanted."""
    connection, _ = listener.accept()
    with connection, connection.makefile() as lines:
        wanted: dict[str, Any] = json.loads(lines.readline())
        parent = os.fork()
        if parent:
            os.waitpid(parent, 0)
            return None
        os.setsid()
        if child := os.fork():
            connection.sendall(f"{child}\n".encode())
            os._exit(0)  # so the node is nobody's child: init reaps it
    return wanted


def _become(wanted: dict[str, Any]) -> NoReturn:
    """Be the node, as if this process had been started for it alone."""
    os.umask(wanted["umask"])
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.closerange(3, max(log, nothing) + 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what runs in its background
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    time.tzset()
    sys.argv = [serve.__file__, *wanted["words"]]
    sys.exit(serve.main())


if __name__ == "__main__":
    main(*sys.argv[1:])

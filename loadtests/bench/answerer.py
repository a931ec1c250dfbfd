"""Answers every request with a few fixed bytes, as fast as one process can: `python answerer.py PORT`

What the generator reaches with it is at least the generator's own top.
"""

import selectors
import socket
import sys

_ANSWER = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def serve(port: int) -> None:
    """Answer until a signal ends it. Each read is taken for one whole request."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", port))
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            asked = key.fileobj
            assert isinstance(asked, socket.socket), "only sockets are registered"
            if asked is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
            elif not _answered(asked):
                selector.unregister(asked)
                asked.close()


def _answered(connection: socket.socket) -> bool:
    """Whether a request was there; False where the client has hung up."""
    try:
        asked = connection.recv(1 << 16)
        if asked:
            connection.sendall(_ANSWER)
    except OSError:
        return False
    return bool(asked)


if __name__ == "__main__":
    serve(int(sys.argv[1]))

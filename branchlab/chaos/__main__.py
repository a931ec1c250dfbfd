"""The chaos container. CHAOS_SECONDS and CHAOS_SEED say for how long and by which schedule."""

import os
import signal
import socket
import sys
from types import FrameType

from branchlab.chaos.docker_socket import DockerError, DockerNodes
from branchlab.chaos.play import play
from branchlab.chaos.schedule import plan

_HEALTHY_SECONDS = 180.0


class _StoppedError(Exception):
    """SIGTERM: what was broken is healed before the end."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _StoppedError


def main() -> int:
    """Breaks nodes until the time is over. 0 when all is healed; 1 after one line that says why."""
    signal.signal(signal.SIGTERM, _stop)
    seconds, seed = float(os.environ["CHAOS_SECONDS"]), int(os.environ["CHAOS_SEED"])
    try:
        nodes = DockerNodes(socket.gethostname())
        nodes.wait_healthy(seconds=_HEALTHY_SECONDS)
        play(plan(nodes.names(), seconds=seconds, seed=seed), nodes, tell=_print)
    except (_StoppedError, KeyboardInterrupt):
        return 0
    except DockerError as error:
        sys.stderr.write(f"chaos: {error}\n")
        return 1
    return 0


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

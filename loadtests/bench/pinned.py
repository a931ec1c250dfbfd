"""Becomes another program, on the given cores only and as another user:

    python pinned.py 0,1 postgres PROGRAM WORDS…

A `-` leaves the one or the other as it is. The process stays the same one, so whoever started it finds and
stops the program by the pid it has.
"""

import os
import pwd
import sys

_AS_IT_IS = "-"


def main(cores: str, user: str, *command: str) -> None:
    """Never returns."""
    if cores != _AS_IT_IS and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    if user != _AS_IT_IS:
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    os.execvp(command[0], command)  # noqa: S606  (words of our own, and no shell)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""PostgreSQL clusters of the bench's own: the system's programs, found by path, with temporary data folders.

No cluster of the system is touched: these listen on no port, only on a socket in their folder.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from branchlab.poll import poll_blocking
from loadtests.bench import order_texts
from loadtests.bench.room import Room, end, pinned, program

_SCHEMA = Path(__file__).with_name("schema.sql")
_PSQL = ("--no-psqlrc", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", "postgres")
_PROGRAMS = ("initdb", "postgres", "psql")
_READY_SECONDS = 60.0
_UNITS = 1_000_000_000
_USERS = ("postgres", "nobody")  # PostgreSQL refuses to run as root
_SETTINGS = {
    "listen_addresses": "",
    "wal_level": "logical",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
}


def found() -> Path | None:
    """The folder of PostgreSQL's programs, of the newest version where there are several; None without it."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: (len(folder.parent.name), folder)
    )
    reached = shutil.which("initdb")
    folders = [*reversed(debian), *([Path(reached).resolve().parent] if reached else [])]
    return next((each for each in folders if all((each / name).is_file() for name in _PROGRAMS)), None)


@dataclass(frozen=True)
class Cluster:
    """One running cluster; `folder` has its data and its socket."""

    programs: Path
    folder: Path
    user: str

    @property
    def environment(self) -> Mapping[str, str]:
        """By which PostgreSQL's programs and asyncpg find it."""
        return {"PGHOST": str(self.folder), "PGPORT": "5432", "PGUSER": self.user}

    def ask(self, sql: str) -> str:
        """What psql prints for the SQL. SystemExit with its words when it fails."""
        done = self._psql(sql)
        if done.returncode != 0:
            raise SystemExit(f"PostgreSQL: {done.stderr.strip()}")
        return done.stdout.strip()

    def answers(self) -> bool:
        return self._psql("SELECT 1").returncode == 0

    def _psql(self, sql: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(self.programs / "psql"), *_PSQL],
            input=sql,
            env={"PATH": os.environ["PATH"], **self.environment},
            capture_output=True,
            text=True,
            timeout=_READY_SECONDS,
            check=False,
        )

    @contextmanager
    def session(self) -> Iterator[Callable[[str], str]]:
        """Asks for one row at a time in one session, so that a question costs the cluster little."""
        process = subprocess.Popen(
            [str(self.programs / "psql"), *_PSQL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **self.environment},
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        assert process.stdin is not None, "it has a pipe"
        assert process.stdout is not None, "it has a pipe"
        asked, answers = process.stdin, process.stdout

        def ask(sql: str) -> str:
            asked.write(sql + ";\n")
            return answers.readline().strip()

        try:
            yield ask
        finally:
            with suppress(OSError):
                asked.close()
            answers.close()
            end(process)


def account() -> str | None:
    """Who PostgreSQL runs as: this user, or for root one without rights; None where there is none."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    return next((name for name in _USERS if _has_account(name)), None)


def _has_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def why_not() -> str | None:
    """One word why there is no PostgreSQL here; None where there is."""
    if found() is None:
        return "PostgreSQL is not installed (Debian's package: postgresql)"
    return "there is no account without rights for PostgreSQL" if account() is None else None


@contextmanager
def clusters(room: Room, cores: Sequence[str | None]) -> Iterator[list[Cluster]]:
    """A cluster for each entry of `cores`, with the schema; the first has the catalogue and the stock."""
    programs, user = found(), account()
    assert programs is not None, "asked only where why_not() is None"
    assert user is not None, "asked only where why_not() is None"
    with ExitStack() as stack:
        made = [stack.enter_context(_cluster(room, programs, user, pin)) for pin in cores]
        for cluster in made:
            cluster.ask(_SCHEMA.read_text("utf-8"))
        made[0].ask(
            "INSERT INTO customers SELECT 'C-' || n, 'Customer ' || n"
            f" FROM generate_series(0, {order_texts.CUSTOMERS - 1}) n;"
            f"INSERT INTO products SELECT 'P-' || n, 'Product ' || n, 100 + n, {_UNITS}"
            f" FROM generate_series(0, {order_texts.PRODUCTS - 1}) n;"
        )
        yield made


@contextmanager
def _cluster(room: Room, programs: Path, user: str, cores: str | None) -> Iterator[Cluster]:
    folder, log = room.folder("postgres"), room.folder("postgres-log") / "log"
    data = folder / "data"
    switch = user if os.geteuid() == 0 else None
    if switch:
        shutil.chown(folder, user)
    init = [str(programs / "initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8", "-U", user, "--no-sync"]
    made = subprocess.run(
        pinned(cores, init, user=switch),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise SystemExit(f"initdb: {made.stderr.strip()}")
    options = {**_SETTINGS, "unix_socket_directories": str(folder)}
    command = [str(programs / "postgres"), "-D", str(data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with program(pinned(cores, command, user=switch), log=log, cwd=folder) as process:
        cluster = Cluster(programs, folder, user)

        def settled() -> bool:
            return process.poll() is not None or cluster.answers()

        if not poll_blocking(settled, seconds=_READY_SECONDS, every=0.1) or process.poll() is not None:
            raise SystemExit(f"PostgreSQL did not start: {log.read_text('utf-8', errors='replace')[-300:]}")
        yield cluster

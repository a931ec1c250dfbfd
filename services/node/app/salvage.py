"""What damaged files of a node still hold, run beside the node with its own environment:

    python -m app.salvage show               whether or not the node runs; changes nothing
    python -m app.salvage take [--found]     while it does not run

`take` sets a damaged database aside, begins an empty one as another life of the branch, and brings back what
the set-aside files hold. The next start fetches the rest from peers that serve. Where nobody serves,
`--found` lets this branch serve with what came back, and the others follow it.
"""

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from app.config import Settings
from app.database import DamagedDatabase, Identity, StorageFailed, Transaction
from app.database.file import connect_to_read, require_sound, set_aside_files
from app.database.identity import UNREADABLE
from app.database.migrations import require_told_schema
from app.database.opened import OpenedFile
from app.program import misused, run_verb
from app.runtime import SystemClock, system_random
from app.security.passwords import hash_blocking
from app.state import salvage
from app.state.registry.canonical_forms import FORMS
from app.state.salvage import Account, Comparison, Salvage, VerifiedRows
from app.state.tables import users

T = TypeVar("T")


NOTHING_SET_ASIDE = (
    "no damaged file of {} was set aside, and the database itself opens: there is nothing to salvage."
    " A node sets a file aside when it cannot read it. What is missing in a database that opens comes from"
    " peers: start them"
)

SHOWING = "show-"
"""The first part of the names of folders in which `show` works. A running node does not touch them."""


def show(settings: Settings) -> dict[str, Any]:
    """What the database (if it is damaged) and each set-aside file hold, and which of it the present database
    lacks. Changes nothing. Raises StorageFailed where a file cannot be read now."""
    path = settings.database_path
    try:
        require_sound(path)
        require_told_schema(path)
        damage = None
    except DamagedDatabase as error:
        damage = str(error)
    files = [*([path] if damage is not None else []), *set_aside_files(path)]
    return {
        "node": settings.node_name,
        "database": path.name,
        "damage": damage,
        "files": [_shown(file, settings, is_present=damage is None and path.exists()) for file in files],
    }


def take(settings: Settings, *, found: bool) -> list[tuple[str, Account]]:
    """Salvage every set-aside file that is not salvaged yet, a damaged database among them. Returns each
    file's account. With `found` the branch serves at its next start with what it has then.

    Raises StorageFailed while the node runs, WrongDatabase for a file of another node, and other
    StorageErrors.
    """
    file = OpenedFile(settings.database_path, clock=SystemClock(), random=system_random(), forms=FORMS)
    file.start(settings.cluster_id, settings.node_name, settings.founding_id or "")
    try:
        if file.held is not None:
            file.replace(file.held)
        return _take(file, settings, found=found)
    finally:
        file.end()


def _take(opened: OpenedFile, settings: Settings, *, found: bool) -> list[tuple[str, Account]]:
    path = settings.database_path
    files = set_aside_files(path)
    if not files:
        raise StorageFailed(NOTHING_SET_ASIDE.format(path))
    salvage.remove_left_over(path.parent)
    names = frozenset(file.name for file in files)
    _run(opened, lambda tx: salvage.forget_absent(tx, names))
    roster = frozenset((settings.node_name, *(peer.name for peer in settings.peers)))
    accounts: dict[str, Account] = {}
    # A row may refer to one that only another of the files holds.
    for _ in files:
        left = [file for file in files if not _is_complete(opened, file)]
        for file in left:
            accounts[file.name] = _take_file(opened, Salvage(file.name, roster), file)
    if found:
        password = settings.admin_password.get_secret_value()
        password_hash = hash_blocking(password, rounds=settings.bcrypt_rounds, random=system_random())
        _run(opened, lambda tx: _found(tx, settings.admin_username, password_hash))
    return [*accounts.items()]


def _take_file(opened: OpenedFile, this: Salvage, file: Path) -> Account:
    writer = opened.writer
    assert writer is not None, "it was opened or begun"
    with salvage.verified_rows(file, identity=writer.identity) as rows:
        for command in salvage.commands(this, rows):
            _run(opened, command)
        outcome = opened.query(rows.outcome, exact=False)
    return _run(opened, salvage.finish(this, outcome))


def _is_complete(opened: OpenedFile, file: Path) -> bool:
    account = opened.query(lambda connection: salvage.read_account(connection, file.name), exact=False)
    return account is not None and account.complete


def _found(tx: Transaction, admin: str, password_hash: str) -> None:
    """Let the branch serve with what it has. If no admin came back, one is made."""
    tx.counters.founded = 1
    if not users.has_active_admin(tx.connection):
        users.found_admin(tx, admin, password_hash)


def _run(opened: OpenedFile, command: Callable[[Transaction], T]) -> T:
    writer = opened.writer
    assert writer is not None, "it was opened or begun"
    (outcome,), _ = writer.run_group([command])
    if outcome.error is not None:
        raise outcome.error
    value: T = outcome.value
    return value


def _shown(file: Path, settings: Settings, *, is_present: bool) -> dict[str, Any]:
    identity = Identity(cluster_id=settings.cluster_id, name=settings.node_name, epoch=UNREADABLE, starts=0)
    with salvage.verified_rows(file, identity=identity, prefix=SHOWING) as rows:
        outcome, account = _compared(rows, file, settings.database_path if is_present else None)
    orders = outcome.orders
    return {
        "file": file.name,
        "pages": rows.summary.pages,
        "damaged_pages": rows.summary.damaged,
        "has_seals": rows.sealed,
        "rows": {
            relation: {"read": rows.read[relation], "verified": verified}
            for relation, verified in rows.verified.items()
        },
        "orders": {
            "in_the_database": len(orders.held),
            "only_here": len(orders.back),
            "lost": len(orders.lost),
            "doubtful": len(orders.doubtful),
            "lost_ids": sorted(str(key[0]) for key in orders.lost),
            "doubtful_ids": outcome.doubtful,
        },
        "account": None if account is None else account.as_json(),
    }


def _compared(rows: VerifiedRows, file: Path, present: Path | None) -> tuple[Comparison, Account | None]:
    """What the file holds compared with the present database, if that can be read, and the file's account."""
    if present is not None:
        with suppress(sqlite3.Error), closing(connect_to_read(present)) as connection:
            return rows.outcome(connection), salvage.read_account(connection, file.name)
    with closing(sqlite3.connect(":memory:")) as nothing:
        nothing.execute("CREATE TABLE orders (id TEXT)")
        return rows.outcome(nothing), None


def _say(settings: Settings, arguments: list[str]) -> None:
    if arguments == ["show"]:
        sys.stdout.write(json.dumps(show(settings), indent=2, ensure_ascii=False) + "\n")
        return
    taken = take(settings, found="--found" in arguments)
    for file, account in taken:
        sys.stdout.write(account.sentence(file) + "\n")
    if not taken:
        sys.stdout.write("every set-aside file was salvaged before\n")


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run one verb. Returns 0 when it is done; otherwise writes one line to standard error."""
    if arguments not in (["show"], ["take"], ["take", "--found"]):
        return misused("app.salvage show | take [--found]")
    return run_verb(lambda settings: _say(settings, arguments), environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

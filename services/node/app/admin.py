"""The way back for a network that nobody can log in to, run beside one stopped node with its own environment:

    python -m app.admin reset

The user ADMIN_USERNAME becomes an active administrator with the password ADMIN_PASSWORD, in this node's file.
Where there is no such user, one is made. The other branches receive the change when the node runs again.
"""

import os
import sys
from collections.abc import Mapping

from app.config import Settings
from app.database import Actor, StorageFailed, Transaction
from app.database.node_row import is_founded
from app.database.opened import OpenedFile
from app.program import misused, run_verb
from app.runtime import SystemClock, system_random
from app.security.passwords import hash_blocking
from app.state.registry.canonical_forms import FORMS
from app.state.tables import users


def reset(settings: Settings) -> str:
    """Make ADMIN_USERNAME an active administrator with ADMIN_PASSWORD. Returns the username.

    Raises StorageFailed while the node runs, for a file that is not there or is damaged, and for one that
    never served. Raises WrongDatabase for a file of another node.
    """
    if not settings.database_path.exists():
        raise StorageFailed(f"there is no database {settings.database_path}")
    password = settings.admin_password.get_secret_value()
    password_hash = hash_blocking(password, rounds=settings.bcrypt_rounds, random=system_random())
    file = OpenedFile(settings.database_path, clock=SystemClock(), random=system_random(), forms=FORMS)
    file.start(settings.cluster_id, settings.node_name)
    try:
        _write(file, settings, password_hash)
    finally:
        file.end()
    return settings.admin_username


def _write(file: OpenedFile, settings: Settings, password_hash: str) -> None:
    if file.writer is None:
        raise StorageFailed(
            f"{settings.database_path} is damaged: salvage it first, or reset at another node"
        )
    if not file.query(is_founded, exact=False):
        raise StorageFailed(f"{settings.database_path} never served: reset at a node that did")
    actor = Actor(user_id=f"node:{settings.node_name}", request_id="")

    def command(tx: Transaction) -> None:
        users.reset_admin(tx, settings.admin_username, password_hash, actor=actor)

    (outcome,), _ = file.writer.run_group([command])
    if outcome.error is not None:
        raise outcome.error


def _say(settings: Settings) -> None:
    sys.stdout.write(f"{reset(settings)} is an active administrator\n")


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Run the verb. Returns 0 when it is done; otherwise writes one line to standard error."""
    return run_verb(_say, environ) if arguments == ["reset"] else misused("app.admin reset")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

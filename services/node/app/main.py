"""The node as an ASGI application. `python -m app.serve` serves it.

Importing this module touches neither the environment nor the disk: `app` is made when it is first asked for.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from fastapi import FastAPI

from app.api import application
from app.config import ConfigurationError, Settings, read_settings
from app.database import StorageError
from app.database.file import require_writable
from app.database.forms import Forms
from app.database.identity import require_own_file
from app.database.lock import require_free
from app.database.migrations import require_known_schema
from app.node import BranchNode
from app.opening import OneLineStart, Opening
from app.runtime import Clock, Executor, SystemClock, ThreadExecutor, system_random
from app.state.registry.canonical_forms import FORMS
from app.sync.peering.transport import HttpTransport, Transport

WRONG_SETTINGS = 2  # exit status
PRIVATE_UMASK = 0o077  # whatever a node makes is for its own user only


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    random: Random | None = None,
    transport: Transport | None = None,
    executor: Executor | None = None,
    forms: Forms | None = None,
    compares_mirror: bool = False,
) -> FastAPI:
    """A node with the given settings. Every part that is not given is the real one. Tests have the writer's
    mirror compared with the file after each group (`compares_mirror`).

    The node itself is `app.state.node`. It opens and closes with the application's lifespan. A long opening
    continues while the application already answers.
    """
    node = BranchNode(
        settings,
        clock=clock or SystemClock(offset=settings.clock_offset_seconds),
        random=random or system_random(),
        transport=transport or HttpTransport(),
        executor=executor or ThreadExecutor(),
        forms=forms or FORMS,
        compares_mirror=compares_mirror,
    )
    opening = Opening(node)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await opening.begin()
            yield
        finally:
            await opening.end()
            await node.close()

    api = application(with_faults=settings.lab_faults, lifespan=lifespan)
    api.state.node = node
    api.add_middleware(OneLineStart, opening=opening)
    return api


def __getattr__(name: str) -> FastAPI:
    """`app`, made from the environment (PEP 562). Some errors end the program with one line and exit status
    2. These are wrong settings, and a database of another node, in use by another process, that cannot be
    written, or of newer code that left no way back."""
    if name != "app":
        raise AttributeError(name)
    os.umask(PRIVATE_UMASK)
    try:
        settings = read_settings(os.environ)
        require_own_file(settings.database_path, cluster_id=settings.cluster_id, name=settings.node_name)
        require_free(settings.database_path)
        require_writable(settings.database_path)
        require_known_schema(settings.database_path)
        return create_app(settings)
    except ConfigurationError as error:
        line = str(error)
    except StorageError as error:
        line = f"DATABASE_PATH is wrong: {error}"
    print(line, file=sys.stderr)  # noqa: T201  (there is no logging yet, and no node to log for)
    raise SystemExit(WRONG_SETTINGS)

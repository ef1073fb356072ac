"""`manage.py runs`: list runs, or show one."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from timestep.models import Run, RunStatus
from timestep.services.present import event_as_json, run_as_json
from workflows.management.edge import USAGE, EdgeCommand
from workflows.selectors.run import get_run, run_events
from workflows.selectors.runs import RunFilters, full_runs
from workflows.services.inputs import input_as_text


class Command(EdgeCommand):
    """Reads rows; works without a worker."""

    help = "List runs, newest first, or show one run, with its events if wanted."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("run_id", metavar="RUN_ID", nargs="?")
        parser.add_argument("--status", metavar="S", choices=RunStatus.values, default="")
        parser.add_argument("--agent", metavar="SLUG", default="")
        parser.add_argument("--limit", metavar="N", type=int, help="20 if not given")
        parser.add_argument("--events", action="store_true", help="with RUN_ID: its events too")
        parser.add_argument("--json", action="store_true", help="print JSON: one object, or a list")

    def run(self, options: dict[str, Any]) -> None:
        """Print one run or a list."""
        if options["run_id"] is None:
            self._list(options)
            return
        if options["status"] or options["agent"] or options["limit"] is not None:
            raise CommandError(
                "RUN_ID goes without --status, --agent and --limit", returncode=USAGE
            )
        self._one(get_run(options["run_id"]), options)

    def _list(self, options: dict[str, Any]) -> None:
        if options["events"]:
            raise CommandError("--events needs a RUN_ID", returncode=USAGE)
        limit = 20 if options["limit"] is None else options["limit"]
        if limit < 1:
            raise CommandError("--limit must be at least 1", returncode=USAGE)
        filters = RunFilters.from_query({"status": options["status"], "agent": options["agent"]})
        found = full_runs(filters, limit)
        if options["json"]:
            self.print_json([run_as_json(run) for run in found])
        else:
            self.print_lines(_line(run) for run in found)

    def _one(self, run: Run, options: dict[str, Any]) -> None:
        events = [event_as_json(event) for event in run_events(run)] if options["events"] else []
        if options["json"]:
            shown = run_as_json(run)
            self.print_json(shown | {"events": events} if options["events"] else shown)
            return
        self.print_lines([_line(run)])
        if run.final_output is not None:
            self.print_lines([input_as_text(run.final_output)])
        if run.error:
            self.print_lines([f"error: {run.error.get('message', '')}"])
        self.print_lines(_event_line(event) for event in events)


def _event_line(event: dict[str, Any]) -> str:
    return f"{event['seq']:>6}  {event['kind']:<20} {json.dumps(event['payload'])}"


def _line(run: Run) -> str:
    created = run.created_at.strftime("%Y-%m-%d %H:%M:%S")
    return f"{run.run_id}  {run.status:<17} {run.agent:<20} {created}  {run.total_tokens} tokens"

"""`manage.py schedules`: list schedules, and operate one."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from timestep.models import Run, Schedule
from timestep.services.backfills import backfill, missing_ticks
from timestep.services.cron_words import in_words
from timestep.services.present import run_as_json
from timestep.services.reasons import checked_reason
from timestep.services.schedules import pause, resume
from timestep.services.ticks import run_now
from timestep.zones import zone_of
from workflows.management.edge import EdgeCommand, add_json, operator
from workflows.selectors.schedules import get_schedule, state_of
from workflows.services.local_times import as_typed, read_range


class Command(EdgeCommand):
    """What the pages of schedules do."""

    help = "List schedules; run one now, pause, resume or backfill it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        actions = parser.add_subparsers(dest="action", metavar="run|pause|resume|backfill")
        run = actions.add_parser("run", help="launch now what it launches")
        stop = actions.add_parser("pause", help="launch nothing by the clock")
        again = actions.add_parser("resume", help="launch by the clock, from now on")
        past = actions.add_parser("backfill", help="launch the ticks of a range that have no run")
        for part in (run, stop, again, past):
            part.add_argument("name", metavar="NAME")
        stop.add_argument("--reason", metavar="REASON", required=True)
        _add_range(past)
        add_json(parser, run, stop, again, past)

    def run(self, options: dict[str, Any]) -> None:
        """Do what was asked."""
        by, action = operator(), options["action"]
        if action is None:
            self.print_rows(list(Schedule.objects.order_by("name")), options, _as_json, _as_text)
        elif action == "run":
            run = run_now(options["name"], by=None, launched_from=f"cli:{by.name}")
            self._launched([run], options, many=False)
        elif action == "backfill":
            self._backfill(get_schedule(options["name"]), options, f"cli:{by.name}")
        elif action == "pause":
            why = checked_reason("reason", options["reason"])
            made = pause(options["name"], by=by, why=why)
            self.print_rows([made], options, _as_json, _as_text)
        else:
            self.print_rows([resume(options["name"], by=by)], options, _as_json, _as_text)

    def _backfill(self, schedule: Schedule, options: dict[str, Any], place: str) -> None:
        start, end = _range(schedule, options)
        if not options["dry_run"]:
            runs = backfill(schedule.name, start, end, by=None, launched_from=place)
            self._launched(runs, options, many=True)
            return
        missing = [at.isoformat() for at in missing_ticks(schedule, start, end)]
        if options["json"]:
            self.print_json(missing)
        else:
            self.print_lines([*missing, f"Would launch {len(missing)}."])

    def _launched(self, runs: list[Run], options: dict[str, Any], *, many: bool) -> None:
        if options["json"]:
            shown = [run_as_json(run) for run in runs]
            self.print_json(shown if many else shown[0])
        else:
            self.print_lines([*(run.run_id for run in runs), f"Launched {len(runs)}."])


def _add_range(past: argparse.ArgumentParser) -> None:
    zone = "as 2026-03-29T07:00, in the schedule's zone unless it names another; included"
    past.add_argument("--start", metavar="TIME", required=True, help=zone)
    past.add_argument("--end", metavar="TIME", default="", help="until now, if not given")
    past.add_argument("--dry-run", action="store_true", help="list what would run only")


def _range(schedule: Schedule, options: dict[str, Any]) -> tuple[datetime, datetime]:
    zone = zone_of(schedule.timezone)
    end = options["end"] or (as_typed(timezone.now(), zone) if zone is not None else "")
    return read_range(options["start"], end, zone)


def _as_json(schedule: Schedule) -> dict[str, Any]:
    names = ("name", "agent", "agent_version", "cron", "timezone", "queue", "overlap", "catch_up")
    shown: dict[str, Any] = {name: getattr(schedule, name) for name in names}
    return shown | {
        "state": state_of(schedule),
        "next_at": schedule.next_at.isoformat() if schedule.next_at else None,
        "paused_by": schedule.paused_by,
        "paused_why": schedule.paused_why,
    }


def _as_text(schedule: Schedule) -> str:
    state = state_of(schedule)
    if state == "paused":
        by = f" by {schedule.paused_by}" if schedule.paused_by else ""
        why = f": {schedule.paused_why}" if schedule.paused_why else ""
        then = f"paused{by}{why}"
    elif schedule.next_at is not None:
        then = f"next at {schedule.next_at.strftime('%Y-%m-%d %H:%M:%S')} UTC"
    else:
        then = state
    return f"{schedule.name:<24} {schedule.agent:<20} {in_words(schedule.cron)}; {then}"

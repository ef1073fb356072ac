"""`manage.py doctor`: what is wrong with this installation, and how it is mended."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from workflows.doctor.examination import examine
from workflows.doctor.findings import Finding, State, count
from workflows.management.edge import EdgeCommand, one_line


class Command(EdgeCommand):
    """Reads only; exit code 1 where something keeps work from being done."""

    help = "Check database, workers, keys, queues, runs, schedules and settings; say how to mend."
    # It says itself what they say.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def run(self, options: dict[str, Any]) -> None:
        """Look at everything, and say what was found."""
        found = examine()
        problems = sum(one.state is State.PROBLEM for one in found)
        if options["json"]:
            checks = [one.as_json() for one in found]
            self.print_json({"ok": not problems, "checks": checks})
        else:
            width = max(len(one.check) for one in found)
            self.print_lines(_line(one, width) for one in found)
            self.print_lines(["", _summary(found, problems)])
        if problems:
            sys.exit(1)


def _line(one: Finding, width: int) -> str:
    mend = f". Mend: {one.mend}" if one.mend else ""
    return f"{one.state:<8} {one.check:<{width}}  {one_line(one.said + mend)}"


def _summary(found: list[Finding], problems: int) -> str:
    warnings = sum(one.state is State.WARNING for one in found)
    if not problems and not warnings:
        return f"{count(len(found), 'check')}, all is well."
    return f"{count(problems, 'problem')}, {count(warnings, 'warning')}."

"""`manage.py approvals`: list what waits for a person."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.core.management.base import CommandParser

from approvals import selectors
from approvals.masking import masked
from approvals.models import ApprovalRequest
from approvals.selectors import decision_of
from approvals.services.present import request_as_json
from timestep.management.seen import SeenCommand

_ARGUMENTS_SHOWN = 120


class Command(SeenCommand):
    """Lists approval requests: pending ones, or all."""

    help = "List what waits for approval: oldest first; with --all every request, newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--all", action="store_true", help="decided and void ones as well")
        parser.add_argument("--limit", type=_positive, default=1000, help="at most this many")
        parser.add_argument("--json", action="store_true", help="print one JSON list")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the list, and say so on standard error where it was cut."""
        query = selectors.recent if options["all"] else selectors.pending
        limit: int = options["limit"]
        found = query(limit + 1)
        shown = found[:limit]
        if options["json"]:
            self.print_json([request_as_json(request) for request in shown])
        else:
            self._write_lines(shown)
        if len(found) > limit:
            self.stderr.write(f"only the first {limit} are shown; use --limit for more")

    def _write_lines(self, requests: list[ApprovalRequest]) -> None:
        for request in requests:
            self.stdout.write(_line(request))
        if not requests:
            self.stdout.write("Nothing waits for approval.")


def _line(request: ApprovalRequest) -> str:
    """One line; JSON escapes keep what a model wrote from driving the terminal."""
    arguments = json.dumps(masked(request.arguments))
    if len(arguments) > _ARGUMENTS_SHOWN:
        arguments = arguments[:_ARGUMENTS_SHOWN] + "… (--json shows all)"
    decision = decision_of(request)
    by = f" by {decision.decided_by_name}" if decision and not request.is_expired else ""
    tool = json.dumps(request.tool)[1:-1]
    return (
        f"{request.approval_id}  {request.status}{by}  {request.run_id}  {request.agent}  "
        f"{tool} {arguments}"
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number

"""`manage.py cancel`: cancel a run."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from timestep.services.cancel import cancel
from timestep.services.present import run_as_json
from workflows.management.edge import EdgeCommand, os_user
from workflows.selectors.run import get_run


class Command(EdgeCommand):
    """Cancels at once what nobody executes; a worker stops what it executes within a second."""

    help = "Cancel a run that has not ended."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("run_id", metavar="RUN_ID")
        parser.add_argument("--json", action="store_true", help="print the run as one JSON object")

    def run(self, options: dict[str, Any]) -> None:
        """Cancel, and print where the run stands."""
        run = cancel(get_run(options["run_id"]).run_id, by=f"cli:{os_user()}")
        if options["json"]:
            self.print_json(run_as_json(run))
            return
        ended = run.finished_at is not None
        self.print_lines([f"{run.run_id}  {run.status if ended else 'cancelling'}"])

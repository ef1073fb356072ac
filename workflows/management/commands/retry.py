"""`manage.py retry`: continue a failed run where it stopped."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from timestep.services.present import run_as_json
from timestep.services.retry import retry
from workflows.management.edge import EdgeCommand, os_user
from workflows.selectors.run import get_run


class Command(EdgeCommand):
    """Keeps the run's id; steps that finished are not done again."""

    help = "Continue a failed or timed out run from the step that failed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("run_id", metavar="RUN_ID")
        parser.add_argument(
            "--max-turns",
            type=int,
            metavar="N",
            help="how many turns it may take in all, where it failed for lack of them",
        )
        parser.add_argument("--json", action="store_true", help="print the run as one JSON object")

    def run(self, options: dict[str, Any]) -> None:
        """Retry, and print where the run stands."""
        run_id, by = get_run(options["run_id"]).run_id, f"cli:{os_user()}"
        run = retry(run_id, by=by, max_turns=options["max_turns"])
        if options["json"]:
            self.print_json(run_as_json(run))
        else:
            self.print_lines([f"{run.run_id}  {run.status}"])

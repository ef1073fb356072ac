"""`manage.py launch`: launch an agent from a shell."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from timestep.letters import printable
from timestep.models import Run
from timestep.services.present import run_as_json
from workflows.management.edge import EdgeCommand, os_user, read_text
from workflows.management.waiting import exit_code, wait_for
from workflows.selectors.workers import alive_workers
from workflows.services.inputs import input_as_text, parsed_input
from workflows.services.launching import launch_agent


class Command(EdgeCommand):
    """Launches one run, and with `--wait` stays until it has ended or waits for a person."""

    help = (
        "Launch an agent. With --wait the exit code is 0 only if the run succeeded, 3 if it awaits "
        "approval, else 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument(
            "--input",
            metavar="TEXT|@FILE|-",
            required=True,
            help="a text, or the JSON list of Responses API items; - reads standard input",
        )
        parser.add_argument("--session", metavar="ID", help="conversation that the run belongs to")
        parser.add_argument("--queue", metavar="Q", help="default: the agent's own")
        parser.add_argument("--priority", metavar="N", type=int, help="1 comes first")
        parser.add_argument("--dedup", metavar="ID", help="refuse a second run that has not ended")
        parser.add_argument("--run-id", metavar="ID", help="the same id launches once")
        parser.add_argument("--timeout", metavar="S", type=float, help="seconds of executing time")
        parser.add_argument("--wait", action="store_true")
        parser.add_argument("--json", action="store_true", help="print the run as one JSON object")

    def run(self, options: dict[str, Any]) -> None:
        """Launch, perhaps wait, and print the run."""
        run = launch_agent(
            options["slug"],
            input=parsed_input(_text(options["input"])),
            launched_from=f"cli:{os_user()}",
            session_id=options["session"],
            queue=options["queue"],
            priority=options["priority"],
            dedup_id=options["dedup"],
            run_id=options["run_id"],
            timeout_seconds=options["timeout"],
        )
        if not alive_workers():
            self.stderr.write("no worker is alive: the run is queued until one starts")
        if options["wait"]:
            run = wait_for(run.run_id)
        self._report(run, as_json=options["json"])
        if options["wait"] and (code := exit_code(run)):
            sys.exit(code)

    def _report(self, run: Run, *, as_json: bool) -> None:
        if as_json:
            self.print_json(run_as_json(run))
            return
        self.print_lines([f"{run.run_id}  {run.status}"])
        if run.final_output is not None:
            self.print_lines([input_as_text(run.final_output)])
        if run.error:
            self.stderr.write(printable(str(run.error.get("message", ""))))


def _text(given: str) -> str:
    if given == "-":
        return read_text("-").removesuffix("\n")
    return read_text(given[1:]).removesuffix("\n") if given.startswith("@") else given

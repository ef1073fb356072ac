"""`manage.py verify_audit`: read the audit trail from its start, and say where it does not hold."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from approvals.services.audit import verify
from approvals.services.verifying import differences
from timestep.letters import told
from timestep.management.seen import SeenCommand
from timestep.masking import masked_text


class Command(SeenCommand):
    """Exit code 0: whole. 1: entries were edited, removed, put in another order, cut off, or their
    payloads are gone; or requests, decisions, policies or access were changed behind it."""

    help = (
        "Check the chain of the audit trail, and that requests, votes, decisions, policies and "
        "access say what it says; with --head also that nothing was cut off its end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the option."""
        parser.add_argument(
            "--head", metavar="HASH", help="the hash of an entry that was there, kept elsewhere"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was found, and the head to keep."""
        head = options["head"]
        found = verify(head=head.strip().lower() if head is not None else None)
        for problem in found.problems:
            self.stderr.write(f"entry {problem.number} {problem.what}")
        differing = 0
        for difference in differences():
            self.stderr.write(masked_text(told(f"{difference.row}: {difference.what}")))
            differing += 1
        erased = f", {found.erased} with an erased payload" if found.erased else ""
        self.stdout.write(f"{found.entries} entries{erased}; head {found.head}")
        if not found.ok:
            raise CommandError("the audit trail does not hold")
        if differing:
            raise CommandError("the audit trail does not hold: rows say something else than it")
        self.stdout.write("whole")

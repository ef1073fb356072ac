"""`manage.py erase_audit`: erase what the audit trail says of one request."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import CommandError, CommandParser

from approvals.services.erasing import erase
from timestep.errors import TimestepError
from timestep.management.seen import SeenCommand


class Command(SeenCommand):
    """Erases payloads; the entries, their hashes and the reason for erasing stay."""

    help = "Erase the payloads of the audit trail's entries about one request; the chain stands."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("subject", metavar="APPROVAL_ID")
        parser.add_argument("--reason", required=True, help="why; recorded in the trail")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, and say how many."""
        who = f"cli:{getpass.getuser()}"
        try:
            erased = erase(options["subject"], reason=options["reason"], actor=who, via=who)
        except TimestepError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{erased} payloads erased")

"""`manage.py up`: everything, with one command."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from workflows.checks import TAG
from workflows.supervision.address import read_address
from workflows.supervision.errors import StartRefused
from workflows.supervision.start import start_everything
from workflows.supervision.terminal import Terminal


class Command(BaseCommand):
    """Prepares the database, then keeps a web process and a worker running."""

    help = "Prepare everything, then run a web process and a worker until Ctrl-C."
    requires_system_checks = [TAG]

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument("--port", default="8000", help="default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGINT or SIGTERM; what stands in the way is one line and exit code 1."""
        try:
            start_everything(read_address(options["host"], options["port"]), Terminal())
        except StartRefused as refused:
            sys.exit(f"error: {refused}")

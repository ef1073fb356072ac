"""`manage.py worker`: a process that executes runs."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from timestep.errors import TimestepError
from timestep.masked_logs import MaskedFormatter
from timestep.outages import TRY_AGAIN, is_outage
from timestep.services.own_files import keep_private


class Command(BaseCommand):
    """Execute runs until SIGTERM or Ctrl-C."""

    help = "Execute runs until SIGTERM or Ctrl-C; takes nothing new then, and lets its runs end."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--queue",
            metavar="NAME",
            action="append",
            default=[],
            help="take from this queue alone; give it several times for several",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker."""
        # Here and not at the top: `manage.py help` must not load DBOS and the Agents SDK.
        from timestep.engine.worker import run_until  # noqa: PLC0415

        logging.basicConfig(level=logging.INFO)
        for handler in logging.getLogger().handlers:
            handler.setFormatter(MaskedFormatter("%(levelname)s %(name)s: %(message)s"))
        for noisy in ("httpx", "httpx2", "openai", "mcp"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        keep_private()
        stopping = threading.Event()
        at_once = threading.Event()

        def on_signal(*_: Any) -> None:
            """The first signal drains, the second one ends the draining."""
            (at_once if stopping.is_set() else stopping).set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
        try:
            run_until(stopping, at_once, options["queue"])
        except TimestepError as error:
            again = TRY_AGAIN if is_outage(error) else 1
            raise CommandError(str(error), returncode=again) from None
        # A tool may still block one of our threads; its run has been left to others.
        logging.shutdown()
        os._exit(0)

"""`manage.py web`: the web process."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import import_string

from timestep.garbage import spare_what_is_loaded
from timestep.services.own_files import keep_private
from workflows.checks import TAG
from workflows.supervision.address import read_address, require_free
from workflows.supervision.errors import StartRefused

NO_PROXY = (
    "note: TIMESTEP_PUBLIC_URL is https and TIMESTEP_TRUSTED_PROXY is not set, so every page "
    "redirects to https for ever; let the proxy set X-Forwarded-Proto itself, and set "
    "TIMESTEP_TRUSTED_PROXY=1"
)


class Command(BaseCommand):
    """Serves pages and websockets; executes nothing."""

    help = "Serve the pages and the websockets (start `manage.py worker` too: it does the work)."
    # The others load every admin and template, which this process does when it needs them.
    requires_system_checks = [TAG]

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument("--port", default="8000", help="default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM."""
        keep_private()
        try:
            address = read_address(options["host"], options["port"])
            require_free(address)
        except StartRefused as refused:
            sys.exit(f"error: {refused}")
        # Imported here: only this process needs a reactor, and it must be installed first of all.
        from workflows.supervision.webserver import serve  # noqa: PLC0415

        application = import_string(settings.ASGI_APPLICATION)
        self.stderr.write(f"serving on http://{address}")
        if settings.SECURE and not settings.TIMESTEP_TRUSTED_PROXY:
            self.stderr.write(NO_PROXY)
        spare_what_is_loaded()
        if not serve(application, address, trust_proxy=settings.TIMESTEP_TRUSTED_PROXY):
            sys.exit(1)

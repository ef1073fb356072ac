"""Clocks: what a worker, or a script, calls on time.

The setting `TIMESTEP_CLOCKS` names them; by itself there are those of schedules.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import Error, close_old_connections, connection
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 1.0
BY_ITSELF = ("timestep.services.ticking.fire_due", "timestep.services.failures.pause_failing")


class Clocks:
    """One thread of a worker that calls each clock when it says that it is next due."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timestep-clocks", daemon=True)
        self._clocks: list[Callable[[], float | None]] = []

    def start(self) -> None:
        """Start the thread."""
        named = getattr(settings, "TIMESTEP_CLOCKS", BY_ITSELF)
        self._clocks = [import_string(path) for path in named]
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            try:
                close_old_connections()
                wait = min([LONGEST_WAIT_SECONDS, *self._due()])
            except Error as error:
                logger.warning("the database does not answer the clocks: %s", error)
                wait = LONGEST_WAIT_SECONDS
        connection.close()

    def _due(self) -> list[float]:
        waits = [clock() for clock in self._clocks]
        return [max(0.01, wait) for wait in waits if wait is not None]

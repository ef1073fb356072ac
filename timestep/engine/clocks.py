"""Clocks: what a worker, or a script, calls on time.

The setting `TIMESTEP_CLOCKS` names them; by itself there are those of schedules.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import Error, OperationalError, connection
from django.utils.module_loading import import_string

from timestep.engine.threads import patient_connection
from timestep.postgres import is_locked

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
                patient_connection()
                wait = min([LONGEST_WAIT_SECONDS, *self._due()])
            except Error as error:
                logger.warning("the database does not answer the clocks: %s", error)
                wait = LONGEST_WAIT_SECONDS
        connection.close()

    def _due(self) -> list[float]:
        waits = [_asked(clock) for clock in self._clocks]
        return [max(0.01, wait) for wait in waits if wait is not None]


def _asked(clock: Callable[[], float | None]) -> float | None:
    """When a clock is next due; what it finds locked by others must not stop those after it."""
    try:
        return clock()
    except OperationalError as error:
        if not is_locked(error):
            raise
        return LONGEST_WAIT_SECONDS

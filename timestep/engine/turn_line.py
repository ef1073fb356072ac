"""What this process knows of model limits, and its calls that wait for their turns."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import dataclass

from timestep.engine.threads import in_thread, submit
from timestep.models import ModelLimit
from timestep.services import turns
from timestep.services.database_clock import database_now
from timestep.services.limits import matches
from timestep.services.turn_windows import REQUESTS, Lack

_STALE_SECONDS = 2.0
# Requests come free when a minute has passed, as foretold; tokens also when a call uses few.
_LOOK_SECONDS = 1.0
_LOOK_SOON_SECONDS = 0.25
_SHORTEST_SECONDS = 0.01


class KnownLimits:
    """Which models are limited, as the dispatcher saw last; without limits a call asks nothing."""

    def __init__(self) -> None:
        self._look: tuple[Collection[str], float] = ((), float("-inf"))

    def tell(self, patterns: Collection[str], looked_at: float) -> None:
        """Say what the rows said.

        Args:
            patterns: Those of all limits.
            looked_at: When the look began, by `time.monotonic`.
        """
        self._look = (patterns, looked_at)

    async def limit(self, model: str) -> bool:
        """Whether a model is limited, by what was read less than two seconds ago."""
        if time.monotonic() - self._look[1] > _STALE_SECONDS:
            await in_thread(self._read)
        return any(matches(pattern, model) for pattern in self._look[0])

    def _read(self) -> None:
        at = time.monotonic()
        self.tell(list(ModelLimit.objects.values_list("pattern", flat=True)), at)


@dataclass
class _Waiting:
    model: str
    told: Future[float]


class Line:
    """The calls of this process that wait: one thread asks for all of them, while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None

    async def wait(self, call: str, model: str) -> float:
        """Wait for the turn of a call that has asked for one.

        Returns:
            The time of the look that found it, on the monotonic clock.
        """
        waiting = _Waiting(model, Future())
        with self._lock:
            self._waiting[call] = waiting
            if self._thread is None:
                name = "timestep-turns"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()
        self._changed.set()
        try:
            return await asyncio.wrap_future(waiting.told)
        finally:
            with self._lock:
                self._waiting.pop(call, None)

    def look_soon(self) -> None:
        """A call of this process has ended, perhaps with fewer tokens than it held."""
        self._changed.set()

    def _run(self) -> None:
        while by_model := self._by_model():
            self._changed.clear()
            try:
                wait = min(self._look(model, calls) for model, calls in by_model.items())
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                self._fail(error)
            else:
                self._changed.wait(wait)

    def _by_model(self) -> dict[str, list[str]]:
        """The calls that wait, by their models; where there are none, the thread ends."""
        found = defaultdict(list)
        with self._lock:
            for call, waiting in self._waiting.items():
                found[waiting.model].append(call)
            if not found:
                self._thread = None
        return found

    def _look(self, model: str, calls: list[str]) -> float:
        """Tell those calls that have their turns; returns how long the others can wait."""
        at = time.monotonic()
        lacks = submit(turns.look, model, calls).result()
        with self._lock:
            due = {call: self._waiting.pop(call, None) for call in calls if call not in lacks}
        for waiting in due.values():
            if waiting is not None and waiting.told.set_running_or_notify_cancel():
                waiting.told.set_result(at)
        return min(map(_seconds, lacks.values()), default=_SHORTEST_SECONDS)

    def _fail(self, error: Exception) -> None:
        """Tell all that wait."""
        with self._lock:
            failed, self._waiting = self._waiting, {}
        for waiting in failed.values():
            if waiting.told.set_running_or_notify_cancel():
                waiting.told.set_exception(error)


def _seconds(lack: Lack) -> float:
    most = _LOOK_SECONDS if lack.what == REQUESTS else _LOOK_SOON_SECONDS
    if lack.until is None:
        return most
    left = (lack.until - database_now()).total_seconds()
    return min(most, max(_SHORTEST_SECONDS, left))


KNOWN_LIMITS = KnownLimits()
LINE = Line()

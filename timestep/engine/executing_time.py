"""How long a run executes: not while all that it does is to wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction

from timestep.engine.threads import in_thread
from timestep.models import Run, RunStatus
from timestep.services.database_clock import database_now


class ExecutingTime:
    """The timer of one execution, and what the run's row says of it; used on its event loop.

    Args:
        run_id: The run.
        epoch: Of the execution; the row is written only while it holds.
    """

    def __init__(self, run_id: str, epoch: int) -> None:
        self._run_id = run_id
        self._epoch = epoch
        self._waits = 0
        self._calls = 0
        self._lacks_room = False
        self._paused = False
        self._timer: _Timer | None = None
        self._written: asyncio.Future[None] | None = None

    def limit(self, seconds: float, used_up: Callable[[], None]) -> Callable[[], None]:
        """Call `used_up` after so much executing time; returns the way to call it off."""
        self._timer = _Timer(max(0.0, seconds), used_up)
        if not self._paused:
            self._timer.go_on()
        return self._call_off

    def _call_off(self) -> None:
        if self._timer is not None:
            self._timer.stand_still()
        self._timer = None

    @property
    def stands_still(self) -> bool:
        """Whether all that the run does is to wait; asked from any thread.

        Where there is no room, what it has done may wait to be written.
        """
        return self._paused and not self._lacks_room

    def lack_room(self, lacking: bool) -> None:
        """Say whether the disk is full: a step that is to be written waits, and executes nothing.

        Called on the event loop.
        """
        self._lacks_room = lacking
        self._look()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While a step waits."""
        self._waits += 1
        self._look()
        try:
            yield
        finally:
            self._waits -= 1
            self._look()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """While a call is under way: it executes, even if another step of the run waits."""
        self._calls += 1
        self._look()
        try:
            yield
        finally:
            self._calls -= 1
            self._look()

    async def written(self) -> None:
        """Wait until the run's row says what was told so far."""
        while self._written is not None and not self._written.done():
            await asyncio.wait([self._written])

    def _look(self) -> None:
        paused = (self._waits > 0 or self._lacks_room) and self._calls == 0
        if paused == self._paused:
            return
        self._paused = paused
        if self._timer is not None:
            (self._timer.stand_still if paused else self._timer.go_on)()
        write = _stand_still if paused else _go_on
        # In the background: a step that may go on waits for no row.
        self._written = asyncio.ensure_future(self._write(self._written, write, time.monotonic()))

    async def _write(
        self,
        before: asyncio.Future[None] | None,
        write: Callable[[str, int, float], None],
        at: float,
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        await in_thread(write, self._run_id, self._epoch, at)


class _Timer:
    """Calls something after so many seconds during which it did not stand still."""

    def __init__(self, seconds: float, used_up: Callable[[], None]) -> None:
        self._left = seconds
        self._used_up = used_up
        self._loop = asyncio.get_running_loop()
        self._since = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def go_on(self) -> None:
        self._since = self._loop.time()
        self._handle = self._loop.call_later(self._left, self._used_up)

    def stand_still(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
            self._left = max(0.0, self._left - (self._loop.time() - self._since))


@transaction.atomic
def _stand_still(run_id: str, epoch: int, seen: float) -> None:
    """Count what was executed up to then; while the row has no beginning, nothing is added."""
    at = _by_database(seen)
    executing = Run.objects.select_for_update(no_key=True).filter(
        run_id=run_id, epoch=epoch, status=RunStatus.RUNNING, executing_since__isnull=False
    )
    for run in executing:
        spent = at - (run.executing_since or at)
        Run.objects.filter(run_id=run_id).update(
            executing_ms=run.executing_ms + max(0, round(spent.total_seconds() * 1000)),
            executing_since=None,
        )


def _go_on(run_id: str, epoch: int, seen: float) -> None:
    waiting = {"status": RunStatus.RUNNING, "executing_since__isnull": True}
    Run.objects.filter(run_id=run_id, epoch=epoch, **waiting).update(
        executing_since=_by_database(seen)
    )


def _by_database(seen: float) -> datetime:
    """A moment of this process by the clock of the database, which the row's times are of."""
    return database_now() - timedelta(seconds=time.monotonic() - seen)

"""Threads that read the database for the event loop and close their connections when idle."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from django.db import connections

IDLE_SECONDS = 1.0

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class _Job:
    work: Callable[[], Any]
    done: Future[Any]

    def run(self) -> None:
        if not self.done.set_running_or_notify_cancel():
            return
        try:
            self.done.set_result(self.work())
        except Exception as error:  # noqa: BLE001 - it is raised again where the job is awaited
            self.done.set_exception(error)
            connections.close_all()


class Readers:
    """At most `size` threads, started when there is work and gone when there is none.

    A thread keeps its connection while there is work (two hundred sockets that come back at once
    are read by four connections, not by two hundred), and closes it before it ends.
    """

    def __init__(self, size: int = 4) -> None:
        self._size = size
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._unfinished = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in one of the threads and give its result."""
        done: Future[T] = Future()
        with self._lock:
            self._unfinished += 1
            self._jobs.put(_Job(lambda: work(*args, **kwargs), done))
            if len(self._threads) < min(self._size, self._unfinished):
                self._start()
        return await asyncio.wrap_future(done)

    def close(self, timeout: float = 5.0) -> None:
        """Wait until the threads have run out of work and closed their connections."""
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._jobs.put(None)
        for thread in threads:
            thread.join(timeout)

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name="timestep-live-reader", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        try:
            while job := self._next():
                job.run()
                with self._lock:
                    self._unfinished -= 1
        finally:
            connections.close_all()

    def _next(self) -> _Job | None:
        """The next job; None when it is time for this thread to end."""
        try:
            job = self._jobs.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            job = None
        with self._lock:
            if job is None and not self._jobs.empty():
                job = self._jobs.get()
            if job is None:
                self._threads.discard(threading.current_thread())
            return job

"""The end of a program: after its own threads, and before the thread pools close."""

from __future__ import annotations

import concurrent.futures.thread
import os
import threading
from collections.abc import Callable
from contextlib import suppress

# Their threads wait for work until a pool or an event loop ends, which may be ours.
_POOLS = ("concurrent.futures.", "anyio.")


def at_exit(function: Callable[[], None]) -> None:
    """Call a function at this process's end, when its threads have ended that Python waits for.

    Thread pools still take work then: they refuse it from `threading`'s own end on, which comes
    before `atexit`. What is registered there runs in reverse order, and the pools came first.
    A process that is forked off has nothing to end.
    """
    process = os.getpid()

    def end() -> None:
        if os.getpid() == process:
            while waited_for := _going():
                waited_for[0].join()
            function()

    # Refused where the end has begun; nothing can be executed any more then.
    with suppress(RuntimeError):
        threading._register_atexit(end)  # type: ignore[attr-defined]


def _going() -> list[threading.Thread]:
    """The program's own threads that have not ended, but for this one."""
    pooled = concurrent.futures.thread._threads_queues
    return [
        thread
        for thread in threading.enumerate()
        if not (thread.daemon or thread is threading.current_thread() or thread in pooled)
        and not type(thread).__module__.startswith(_POOLS)
    ]

"""What becomes of log records before they are printed."""

from __future__ import annotations

import logging
import threading
import time

from timestep.outages import is_outage, outage, reason


def without_traceback(record: logging.LogRecord) -> bool:
    """Keep the record's line and drop its traceback."""
    record.exc_info = None
    return True


class Outages(logging.Filter):
    """While the database is away or full every thread says so over and over: one line for all.

    Args:
        seconds: At most one line in so many.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Let pass what is of another kind, and now and then one line of this."""
        error = _outage(record)
        if error is None:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._silent_until:
                return False
            self._silent_until = now + self._seconds
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg = "%s, trying again: %s"
        record.args = (outage(error), reason(error))
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def _outage(record: logging.LogRecord) -> BaseException | None:
    """The error that a record tells of, if it is an outage."""
    told = [record.exc_info[1]] if record.exc_info else []
    given = record.args if isinstance(record.args, tuple) else ()
    told += [one for one in given if isinstance(one, BaseException)]
    return next((one for one in told if is_outage(one)), None)

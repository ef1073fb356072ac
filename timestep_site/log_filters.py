"""What becomes of log records before they are printed."""

from __future__ import annotations

import logging


def without_traceback(record: logging.LogRecord) -> bool:
    """Keep the record's line and drop its traceback."""
    record.exc_info = None
    return True

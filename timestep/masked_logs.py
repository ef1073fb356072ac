"""Log lines that show what pages do, and no more."""

from __future__ import annotations

import logging

from timestep.masking import masked_text


class MaskedFormatter(logging.Formatter):
    """Formats a record with its traceback, and masks the whole of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, or the lines."""
        return masked_text(super().format(record))

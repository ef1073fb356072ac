"""Text that models and people wrote, made fit to be kept."""

from __future__ import annotations

from timestep.storable import storable_text

SAID_BEFORE_LIMIT = 10_000
_CUT = "… (cut)"


def bounded(text: str, limit: int) -> str:
    """The storable text, cut to `limit` characters with a mark that says so."""
    text = storable_text(text)
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT

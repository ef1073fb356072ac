"""Reasons that people give for what they stop or let go on."""

from __future__ import annotations

from timestep.errors import InvalidInput
from timestep.storable import storable_text

MAX_REASON = 300


def checked_reason(field: str, reason: str) -> str:
    """A reason as it is kept: one that says something, without space around it.

    Args:
        field: The argument or form field that it was given in.
        reason: What a person or a program wrote.

    Raises:
        InvalidInput: It is empty, or too long.
    """
    kept = storable_text(reason).strip() if isinstance(reason, str) else ""
    if not kept:
        raise InvalidInput(field, "say why: others see this while it lasts")
    if len(kept) > MAX_REASON:
        raise InvalidInput(field, f"use at most {MAX_REASON} characters")
    return kept

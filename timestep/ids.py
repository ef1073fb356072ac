"""Identifiers: time-ordered, so that they sort by creation and index well."""

from __future__ import annotations

import re
import secrets
import time

# Crockford's base 32: no I, L, O, U, so that an id read aloud or typed is not mistaken.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
RUN_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def _base32(value: int, length: int) -> str:
    return "".join(_ALPHABET[(value >> 5 * i) & 31] for i in reversed(range(length)))


def time_ordered(prefix: str) -> str:
    """`<prefix>_` and 26 characters: 48 bits of milliseconds, then 80 random bits (as a ULID)."""
    return f"{prefix}_{_base32(time.time_ns() // 1_000_000, 10)}{_base32(secrets.randbits(80), 16)}"


def segment_id(run_id: str, n: int) -> str:
    """The id of a run's n-th segment, which is also the id of its DBOS workflow."""
    return f"{run_id}:{n}"

"""JSON values that both databases can keep."""

from __future__ import annotations

from typing import Any


def storable(value: Any) -> Any:
    """The value without NUL characters and lone surrogates, which Postgres refuses in jsonb."""
    if isinstance(value, str):
        clean = value.replace("\x00", "\N{SYMBOL FOR NULL}")
        return clean.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value

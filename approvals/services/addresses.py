"""The address that a request came from, for the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from timestep.storable import storable_text

_LIMIT = 100
_ADDRESS: ContextVar[str] = ContextVar("timestep_client_address", default="")


@contextmanager
def acting_from(address: str) -> Iterator[None]:
    """Whatever is recorded meanwhile was done from this address."""
    token = _ADDRESS.set(storable_text(address.strip())[:_LIMIT])
    try:
        yield
    finally:
        _ADDRESS.reset(token)


def client_address() -> str:
    """Where what is going on comes from; empty where that is no page."""
    return _ADDRESS.get()

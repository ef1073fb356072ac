"""A database thread of each test's own."""

from tests.engine.unit.conftest import fresh_threads

__all__ = ["fresh_threads"]

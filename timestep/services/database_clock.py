"""The one clock by which everything is due: the database's.

Workers and web processes run on hosts whose own clocks may be off; on SQLite there is one host.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection


def database_now() -> datetime:
    """The time now by the clock of the database, which is the machine's own on SQLite."""
    if connection.vendor != "postgresql":
        return datetime.now(UTC)
    with connection.cursor() as cursor:
        # Not now(): that is the time at which the transaction began.
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment.astimezone(UTC)

"""The one clock by which everything is due: the database's.

Workers and web processes run on hosts whose own clocks may be off; on SQLite there is one host.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now


def database_now() -> datetime:
    """The time now by the clock of the database, which is the machine's own on SQLite."""
    if connection.vendor != "postgresql":
        return datetime.now(UTC)
    with connection.cursor() as cursor:
        # Not now(): that is the time at which the transaction began.
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment.astimezone(UTC)


def database_time(ago: timedelta = timedelta()) -> Combinable:
    """The time by the same clock, for a condition or a column of a statement, which it is read in.

    Args:
        ago: How long before that.
    """
    if connection.vendor != "postgresql":
        # Not Now(): SQLite's has milliseconds only, and would lie before what was just written.
        return Value(datetime.now(UTC) - ago, DateTimeField())
    return Now() - ago if ago else Now()

"""Django's own backend; each of its connections ends a transaction that stands still."""

from __future__ import annotations

from django.db.backends.postgresql import base

from timestep.postgres import IDLE_IN_TRANSACTION_SECONDS


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to Postgres.

    `lock_seconds`, set before it connects, is how long a statement of it waits for locks at most.
    """

    lock_seconds: float | None = None

    def init_connection_state(self) -> None:
        """Django's, and our limit, whatever the URI, the user or the server say of it.

        A statement and not libpq's `options`: poolers refuse those.
        """
        super().init_connection_state()
        limits = {"idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_SECONDS}
        if self.lock_seconds is not None:
            limits["lock_timeout"] = self.lock_seconds
        with self.connection.cursor() as cursor:
            for name, seconds in limits.items():
                cursor.execute(f"SET {name} = {round(seconds * 1000)}")
        if not self.get_autocommit():
            self.connection.commit()

"""The backend that the setting `ENGINE` names."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

from timestep import private, unixepoch


class DatabaseWrapper(base.DatabaseWrapper):
    """Makes the file for its owner's eyes only, and knows the functions that its tables use."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        """Open a connection; whoever is first on a fresh installation comes through here."""
        name = str(conn_params["database"])
        if not self.is_in_memory_db() and not name.startswith("file:"):
            with suppress(OSError):  # SQLite says it in its own words.
                private.make_file(Path(name))
        connection: sqlite3.Connection = super().get_new_connection(conn_params)
        unixepoch.provide(connection)
        return connection

"""DBOS's own tables, asked after in a process of its own: importing DBOS costs a second."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Literal

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from timestep import conf

# Named here and not imported: importing it imports DBOS, which the caller may not want to load.
TABLES_MODULE = "timestep.engine.tables"


def engine_tables(act: Literal["migrate", "versions"]) -> subprocess.CompletedProcess[str]:
    """Bring DBOS's tables up to date, or print the version that they have and the one wanted."""
    url = conf.engine_database_url(settings.DATABASES[DEFAULT_DB_ALIAS])
    environment = os.environ | {
        conf.ENGINE_URL_VARIABLE: url,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    return subprocess.run(
        [sys.executable, "-m", TABLES_MODULE, act],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

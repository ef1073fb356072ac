"""The files of this installation that hold secrets, or what people and agents wrote."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import connection

from timestep import conf, private


def own_files() -> dict[str, list[Path]]:
    """What may be there and is to be its owner's alone, by what it is.

    The database of a Django project that brings its own settings is that project's to guard.
    """
    home = getattr(settings, "TIMESTEP_HOME", None)
    found = private.of_home(Path(home)) if home is not None else {}
    if connection.settings_dict["ENGINE"] == conf.SQLITE_ENGINE:
        found |= private.of_database(Path(str(connection.settings_dict["NAME"])))
    return found


def keep_private() -> None:
    """Take from others what an older release, or somebody's umask, gave them; at each start."""
    private.mend([path for paths in own_files().values() for path in paths])

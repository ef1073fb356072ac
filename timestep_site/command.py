"""The command line: Django's, with the settings of the site."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

from timestep.outages import outage, reason


def main() -> None:
    """Run the command in `sys.argv`.

    A bad setting is one line and exit code 1, no traceback; so is a database that cannot be used.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timestep_site.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error}")
    except DatabaseError as error:
        found = outage(error)
        if found is None:
            raise
        sys.exit(f"error: {found} ({reason(error)}); {found.mend}")


if __name__ == "__main__":
    main()

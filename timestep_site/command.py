"""The command line: Django's, with the settings of the site."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command in `sys.argv`. A bad setting is one line and exit code 1, no traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timestep_site.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()

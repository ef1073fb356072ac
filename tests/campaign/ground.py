"""What each campaign stands on: a home and a Django of its own, and how it tells what came out."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import django

MOST_LINES, LONGEST_LINE = 40, 3000


def set_up(name: str) -> Path:
    """Set up Django in this process, once, for an installation in a new directory; its home.

    Only then can the modules be imported that need a Django.
    """
    home = Path(tempfile.mkdtemp(prefix=f"campaign-{name}-"))
    os.environ["TIMESTEP_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "timestep_site.settings"
    os.environ.pop("PG_CONNECTION_URI", None)
    django.setup()
    return home


def tell(report: Mapping[str, Any], broken: Sequence[str], home: Path) -> int:
    """Print figures and the rules that did not hold; the exit code."""
    lines = [json.dumps(report)]
    lines += [f"BROKEN {line[:LONGEST_LINE]}" for line in broken[:MOST_LINES]]
    if broken:
        lines.append(f"{len(broken)} rules are broken; the workers' logs are in {home}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if broken else 0

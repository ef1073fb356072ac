"""What must not be stored: which names look like those of secrets, and a last look for values."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from timestep.engine.travel.problems import Problem

# Maps none of whose values is stored, and names whose values are not.
SECRET_MAPS = frozenset({"headers", "env", "extra_headers"})
SECRET = re.compile(
    r"authorization|api[-_]?key|passw|secret|token(?!s|i)|credential", re.IGNORECASE
)
# Shorter values are found in other texts by chance.
LEAST = 12


def secrets_here() -> dict[str, str]:
    """The secrets in this process's environment, by the name of their variable."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if SECRET.search(name) and len(value) >= LEAST and not value.startswith("/")
    }


def leaks(value: Any, path: str) -> Iterator[Problem]:
    """Every text in a description that holds the value of a secret of this process."""
    known = secrets_here()
    for where, text in _texts(value, path) if known else ():
        for name, secret in known.items():
            if secret in text:
                yield Problem(
                    where,
                    f"holds the value of {name}, which would be stored in the database",
                    "take it out: code that needs it can read the variable",
                )


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, f"{path}[{at}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield path, key
            yield from _texts(item, path if key == "dict" else f"{path}.{key}")

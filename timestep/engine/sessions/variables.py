"""Secrets stay in the environment: a description names the variable that holds one."""

from __future__ import annotations

import os
from collections.abc import Callable

from timestep.engine.sessions.errors import SessionNotOpened


def variable_where(fits: Callable[[str], bool], first: str) -> str | None:
    """The name of an environment variable whose value fits; `first` is looked at first."""
    names = sorted(os.environ, key=lambda name: (name != first, name))
    return next((name for name in names if fits(os.environ[name])), None)


def value_of(variable: str, what: str) -> str:
    """The value of a variable that a description names.

    Raises:
        SessionNotOpened: It is not set in this process.
    """
    value = os.environ.get(variable, "")
    if not value:
        raise SessionNotOpened(
            f"{what} is in the variable {variable}, which is not set in this process",
            f"set {variable} in the environment of the workers",
        )
    return value

"""The audit trail as the engine knows it: whoever keeps one is named in a setting.

`TIMESTEP_AUDIT_TRAIL` names a callable `(actor, via, act, subject, payload)`; without it nothing
is recorded, which is how `timestep` works without the approvals app.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Actor:
    """Who does something, and from where.

    Args:
        name: A user's name, a program, or what acts by itself.
        via: `page`, `admin`, `command line`, `program` or `worker`.
    """

    name: str
    via: str


def record(actor: Actor, act: str, subject: str, **payload: Any) -> None:
    """Record an act in the caller's transaction, which must be the one of the act itself.

    Args:
        actor: Who does it.
        act: What is done, as `queue.limits`.
        subject: To what, as `queue:mail`.
        payload: What changed: strings, booleans, integers and null only.
    """
    path = getattr(settings, "TIMESTEP_AUDIT_TRAIL", "")
    if path:
        _trail(path)(actor.name, actor.via, act, subject, payload)


@lru_cache(maxsize=4)
def _trail(path: str) -> Any:
    return import_string(path)

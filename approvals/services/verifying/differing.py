"""What differs between a row and the audit trail, and who is meant by a name in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

_SHOWN = 80


@dataclass(frozen=True)
class Difference:
    """A row, by its kind and id, and what it says other than the trail."""

    row: str
    what: str


def differs(name: str, found: Any, recorded: Any) -> str:
    """One column in words: what is there, and what was to be expected."""
    return f"{name} is {_short(found)}, and {_short(recorded)} was recorded"


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def is_another(user: User | None, name: str | None) -> bool:
    """Whether a row names somebody else than the trail, which has the name of that time.

    People are renamed and deleted: where nobody has the recorded name by now, nothing is said.
    """
    found = user.get_username()[:200] if user else None
    if found == name:
        return False
    return name is None or get_user_model().objects.filter(username=name).exists()

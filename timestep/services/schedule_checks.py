"""The fields of a schedule: their defaults, and what each of them may hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError

from timestep.definitions import definitions
from timestep.errors import InvalidInput
from timestep.models import Overlap
from timestep.services.cron import checked_cron
from timestep.services.launch import (
    checked_input,
    checked_priority,
    checked_queue,
    checked_session,
    checked_timeout,
)

DEFAULTS: Mapping[str, Any] = {
    "name": "",
    "agent": "",
    "input": "",
    "session_id": None,
    "cron": "",
    "timezone": "UTC",
    "queue": "",
    "priority": None,
    "timeout_seconds": None,
    "overlap": Overlap.ALLOW.value,
    "catch_up": False,
    "paused": False,
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


def cleaned_fields(fields: Mapping[str, Any], *, kept_name: str | None) -> dict[str, Any]:
    """Every field of a schedule, checked. Raises ValidationError with messages by field."""
    errors: dict[str, list[str]] = {
        name: [f"there is no such field; there are {', '.join(DEFAULTS)}"]
        for name in fields
        if name not in DEFAULTS
    }
    if kept_name is not None and fields["name"] != kept_name:
        errors["name"] = ["a name cannot be changed: runs refer to it"]
    cleaned: dict[str, Any] = {}
    for name in DEFAULTS:
        try:
            cleaned[name] = checked_field(name, fields.get(name, DEFAULTS[name]))
        except InvalidInput as error:
            errors[error.field] = [error.message]
    if errors:
        raise ValidationError(errors)
    return cleaned


def checked_field(name: str, value: Any) -> Any:
    """The value of one field, in its normal form. Raises InvalidInput that names the field."""
    return _CHECKS[name](value)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidInput("name", "use 1 to 100 letters, digits, hyphens and underscores")
    return value


def _agent(value: Any) -> str:
    if not isinstance(value, str) or not definitions().exists(value):
        raise InvalidInput("agent", f"no agent has the slug {value!r}")
    return value


def _session_id(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidInput("session_id", "must be text, or nothing")
    return checked_session(value or None)


def _cron(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput("cron", "must be text")
    return checked_cron(value)


def _timezone(value: Any) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        shown = f"{value[:40]!r} " if isinstance(value, str) else ""
        message = f"{shown}is no time zone; for example Europe/Berlin, UTC"
        raise InvalidInput("timezone", message) from None


def _queue(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput("queue", "must be text; empty for the agent's own")
    return checked_queue(value) if value else ""


def _priority(value: Any) -> int | None:
    return checked_priority(value)


def _timeout_seconds(value: Any) -> float | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise InvalidInput("timeout_seconds", "must be a number of seconds, or nothing")
    return checked_timeout(value)


def _overlap(value: Any) -> str:
    if value not in Overlap.values:
        raise InvalidInput("overlap", f"use one of {', '.join(Overlap.values)}")
    return str(value)


def _flag(field: str) -> Callable[[Any], bool]:
    def checked(value: Any) -> bool:
        if not isinstance(value, bool):
            raise InvalidInput(field, "must be true or false")
        return value

    return checked


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "name": _name,
    "agent": _agent,
    "input": checked_input,
    "session_id": _session_id,
    "cron": _cron,
    "timezone": _timezone,
    "queue": _queue,
    "priority": _priority,
    "timeout_seconds": _timeout_seconds,
    "overlap": _overlap,
    "catch_up": _flag("catch_up"),
    "paused": _flag("paused"),
}

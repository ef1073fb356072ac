"""The fields of a schedule: their defaults, and what each of them may hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

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
from timestep.services.placeholders import check_placeholders
from timestep.zones import fault_of

DEFAULTS: Mapping[str, Any] = {
    "name": "",
    "agent": "",
    "agent_version": None,
    "input": "",
    "session_id": None,
    "cron": "",
    "timezone": "UTC",
    "queue": "",
    "priority": None,
    "timeout_seconds": None,
    "overlap": Overlap.ALLOW.value,
    "catch_up": False,
    "starts_at": None,
    "ends_at": None,
    "pause_after_failures": None,
    "paused": False,
}
# The dashboard has a page of this name where those of schedules are.
RESERVED = "new"
MOST_FAILURES = 1000
YEARS = range(2000, 2200)
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
    if not errors:
        errors = _together(cleaned)
    if errors:
        raise ValidationError(errors)
    return cleaned


def _together(cleaned: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with fields that are right each by itself."""
    agent, version = cleaned["agent"], cleaned["agent_version"]
    starts, ends = cleaned["starts_at"], cleaned["ends_at"]
    if version is not None and not definitions().exists(agent, version):
        return {"agent_version": [f"{agent} has no version {version}; empty: always the latest"]}
    if starts is not None and ends is not None and ends <= starts:
        return {"ends_at": ["lies before the start, or is the same"]}
    return {}


def checked_field(name: str, value: Any) -> Any:
    """The value of one field, in its normal form. Raises InvalidInput that names the field."""
    return _CHECKS[name](value)


def is_name(value: Any) -> bool:
    """Whether a schedule can be called that; databases need not be asked about anything else."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _name(value: Any) -> str:
    if not is_name(value):
        raise InvalidInput("name", "use 1 to 100 letters, digits, hyphens and underscores")
    if value == RESERVED:
        raise InvalidInput("name", f"{value!r} is a page of the dashboard; choose another")
    return str(value)


def _agent(value: Any) -> str:
    if not isinstance(value, str) or not definitions().exists(value):
        raise InvalidInput("agent", f"no agent has the slug {value!r}")
    return value


def _whole(field: str, most: int, what: str) -> Callable[[Any], int | None]:
    def checked(value: Any) -> int | None:
        whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
        if value is not None and not whole:
            raise InvalidInput(field, f"use a whole number from 1 on, at most {most}; {what}")
        return cast("int | None", value)

    return checked


def _input(value: Any) -> str | list[Any]:
    given = checked_input(value)
    check_placeholders(given)
    return given


def _moment(field: str) -> Callable[[Any], datetime | None]:
    def checked(value: Any) -> datetime | None:
        if value is None:
            return None
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise InvalidInput(field, "must be a time with a time zone, or nothing")
        if value.year not in YEARS:
            raise InvalidInput(field, f"use a year from {YEARS[0]} to {YEARS[-1]}")
        # In UTC: a local time that the clocks skip equals no other, not even itself elsewhere.
        return value.astimezone(UTC).replace(microsecond=0)

    return checked


def _session_id(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidInput("session_id", "must be text, or nothing")
    return checked_session(value or None)


def _cron(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput("cron", "must be text")
    return checked_cron(value)


def _timezone(value: Any) -> str:
    return checked_zone(value).key


def checked_zone(value: Any) -> ZoneInfo:
    """The time zone of a canonical name. Raises InvalidInput that names the right one."""
    fault = fault_of(value) if isinstance(value, str) else "must be text; for example Europe/Berlin"
    if fault is not None:
        raise InvalidInput("timezone", fault)
    return ZoneInfo(value)


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
    "agent_version": _whole("agent_version", 2**31 - 1, "empty for the latest"),
    "input": _input,
    "session_id": _session_id,
    "cron": _cron,
    "timezone": _timezone,
    "queue": _queue,
    "priority": _priority,
    "timeout_seconds": _timeout_seconds,
    "overlap": _overlap,
    "catch_up": _flag("catch_up"),
    "starts_at": _moment("starts_at"),
    "ends_at": _moment("ends_at"),
    "pause_after_failures": _whole("pause_after_failures", MOST_FAILURES, "empty for never"),
    "paused": _flag("paused"),
}

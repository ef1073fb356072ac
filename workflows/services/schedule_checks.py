"""The fields of a schedule: their defaults, and what each of them may hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError

from timestep.errors import InvalidInput
from workflows.models import AgentDefinition
from workflows.services.cron import checked_cron
from workflows.services.launching import checked_input

DEFAULTS: Mapping[str, Any] = {
    "name": "",
    "agent": "",
    "input": "",
    "cron": "",
    "timezone": "UTC",
    "active": True,
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
    for name, check in _CHECKS.items():
        try:
            cleaned[name] = check(fields.get(name, DEFAULTS[name]))
        except InvalidInput as error:
            errors[error.field] = [error.message]
    if errors:
        raise ValidationError(errors)
    return cleaned


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidInput("name", "use 1 to 100 letters, digits, hyphens and underscores")
    return value


def _agent(value: Any) -> str:
    slug = value.slug if isinstance(value, AgentDefinition) else value
    known = isinstance(slug, str) and "\x00" not in slug
    if not known or not AgentDefinition.objects.filter(slug=slug).exists():
        raise InvalidInput("agent", f"no agent has the slug {slug!r}")
    return str(slug)


def _cron(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput("cron", "must be text")
    return checked_cron(value)


def _timezone(value: Any) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise InvalidInput("timezone", "is no time zone; for example Europe/Berlin, UTC") from None


def _active(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput("active", "must be true or false")
    return value


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "name": _name,
    "agent": _agent,
    "input": checked_input,
    "cron": _cron,
    "timezone": _timezone,
    "active": _active,
}

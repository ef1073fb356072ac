"""The fields of a definition: their defaults, and what each of them may hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from timestep.errors import InvalidInput
from timestep.providers import split_model_name
from timestep.services.launch import checked_timeout
from workflows.services.json_values import checked_text
from workflows.services.links import (
    check_function_names,
    check_known,
    check_nesting,
    checked_slugs,
    checked_tools,
)
from workflows.services.model_settings import checked_model_settings
from workflows.services.output_types import checked_output_type

# In the order in which they are exported.
DEFAULTS: Mapping[str, Any] = {
    "slug": "",
    "name": "",
    "instructions": "",
    "model": "",
    "model_settings": {},
    "tools": [],
    "handoffs": [],
    "agent_tools": [],
    "output_type": None,
    "max_turns": 20,
    "default_queue": "default",
    "timeout_seconds": None,
    "active": True,
}
MOST_INSTRUCTIONS = 500_000
MOST_TURNS = 1000
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,100}")
_QUEUE = re.compile(r"[A-Za-z0-9._-]{1,100}")


def cleaned_fields(
    fields: Mapping[str, Any], planned: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """Every field of a definition, checked. Raises ValidationError with messages by field.

    Args:
        fields: Field → value; a field that is not given has its default.
        planned: Definitions that are saved together with this one: slug → agents used as tools.
    """
    errors: dict[str, list[str]] = {
        name: [f"there is no such field; there are {', '.join(DEFAULTS)}"]
        for name in fields
        if name not in DEFAULTS
    }
    cleaned: dict[str, Any] = {}
    for name, check in _CHECKS.items():
        try:
            cleaned[name] = check(fields.get(name, DEFAULTS[name]))
        except InvalidInput as error:
            errors[error.field] = [error.message]
    if errors:
        raise ValidationError(errors)
    try:
        return _linked(cleaned, planned or {})
    except InvalidInput as error:
        raise ValidationError({error.field: [error.message]}) from None


def _linked(cleaned: dict[str, Any], planned: Mapping[str, list[str]]) -> dict[str, Any]:
    """The checks over several fields, and over other definitions."""
    for field in ("handoffs", "agent_tools"):
        check_known(field, cleaned["slug"], cleaned[field], planned)
    check_function_names(cleaned, cleaned["tools"])
    check_nesting(cleaned["slug"], cleaned["agent_tools"], planned)
    return {**cleaned, "tools": [choice.as_json() for choice in cleaned["tools"]]}


def _slug(value: Any) -> str:
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise InvalidInput("slug", "use 1 to 100 letters, digits, hyphens and underscores")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise InvalidInput("name", "use 1 to 200 characters")
    return checked_text("name", value.strip(), 800)


def _instructions(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput("instructions", "must be text")
    # Browsers send forms with CRLF; without this, saving an unchanged form made a version.
    return checked_text("instructions", value.replace("\r\n", "\n"), MOST_INSTRUCTIONS)


def _model(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput("model", "must be text")
    checked_text("model", value, 800)
    split_model_name(value)
    return value


def _max_turns(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_TURNS:
        raise InvalidInput("max_turns", f"must be a whole number from 1 to {MOST_TURNS}")
    return value


def _default_queue(value: Any) -> str:
    if not isinstance(value, str) or not _QUEUE.fullmatch(value):
        raise InvalidInput(
            "default_queue", "use 1 to 100 letters, digits, dots, hyphens and underscores"
        )
    return value


def _timeout_seconds(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidInput("timeout_seconds", "must be a number of seconds")
    return checked_timeout(value)


def _active(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput("active", "must be true or false")
    return value


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "slug": _slug,
    "name": _name,
    "instructions": _instructions,
    "model": _model,
    "model_settings": checked_model_settings,
    "tools": checked_tools,
    "handoffs": lambda value: checked_slugs("handoffs", value),
    "agent_tools": lambda value: checked_slugs("agent_tools", value),
    "output_type": checked_output_type,
    "max_turns": _max_turns,
    "default_queue": _default_queue,
    "timeout_seconds": _timeout_seconds,
    "active": _active,
}

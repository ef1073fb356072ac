"""Model settings that a definition may carry: a literal list, checked before anything is stored.

The names and types are those of the Agents SDK's `ModelSettings`. Headers are left out on purpose:
they are where credentials travel, and those come from the environment of workers only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from timestep.errors import InvalidInput
from workflows.services.json_values import checked_json

FIELD = "model_settings"
MOST_BYTES = 20_000
Check = Callable[[Any], str | None]


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> str | None:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        return (
            None if good and low <= value <= high else f"must be a number from {low:g} to {high:g}"
        )

    return check


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if good else f"must be a whole number from {low} to {high}"

    return check


def _one_of(*allowed: str) -> Check:
    return lambda value: None if value in allowed else f"must be one of {', '.join(allowed)}"


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


def _texts(value: Any) -> str | None:
    good = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return None if good else "must be a list of texts"


def _objects(value: Any) -> str | None:
    good = isinstance(value, list) and all(isinstance(one, dict) for one in value)
    return None if good else "must be a list of objects"


def _text_map(value: Any) -> str | None:
    good = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    return None if good else "must be an object whose values are texts"


def _tool_choice(value: Any) -> str | None:
    good = isinstance(value, str) and 0 < len(value) <= 100
    return None if good else "must be auto, required, none or the name of a tool"


def _seconds(value: Any) -> str | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 86_400
    return None if good else "must be a number of seconds above 0, at most 86400"


def _passed_on(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object"
    if "extra_headers" in value:
        return "must not hold headers: credentials come from the environment of workers only"
    return None


_REASONING: dict[str, Check] = {
    "effort": _one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "summary": _one_of("auto", "concise", "detailed"),
    "generate_summary": _one_of("auto", "concise", "detailed"),
    "context": _one_of("auto", "current_turn", "all_turns"),
    "mode": lambda value: None if isinstance(value, str) else "must be text",
}


def _reasoning(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object"
    for name, member in value.items():
        if name not in _REASONING:
            return f"has no member {name!r}; there are {', '.join(_REASONING)}"
        if member is not None and (wrong := _REASONING[name](member)):
            return f"{name} {wrong}"
    return None


CHECKS: dict[str, Check] = {
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "frequency_penalty": _number(-2, 2),
    "presence_penalty": _number(-2, 2),
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _flag,
    "truncation": _one_of("auto", "disabled"),
    "max_tokens": _whole(1, 10_000_000),
    "reasoning": _reasoning,
    "verbosity": _one_of("low", "medium", "high"),
    "metadata": _text_map,
    "store": _flag,
    "prompt_cache_retention": _one_of("in_memory", "24h"),
    "include_usage": _flag,
    "response_include": _texts,
    "top_logprobs": _whole(0, 20),
    "extra_query": _object,
    "extra_body": _object,
    "extra_args": _passed_on,
    "context_management": _objects,
    "prompt_cache_options": _object,
    "timeout": _seconds,
}


def checked_model_settings(value: Any) -> dict[str, Any]:
    """The settings without nulls. Raises InvalidInput that names the setting at fault."""
    if not isinstance(value, dict):
        raise InvalidInput(FIELD, "must be an object of settings")
    checked_json(FIELD, value, MOST_BYTES)
    for name, setting in value.items():
        if name not in CHECKS:
            raise InvalidInput(
                FIELD, f"{name!r} is no setting; there are {', '.join(sorted(CHECKS))}"
            )
        if setting is not None and (wrong := CHECKS[name](setting)):
            raise InvalidInput(FIELD, f"{name} {wrong}")
    return {name: setting for name, setting in value.items() if setting is not None}
